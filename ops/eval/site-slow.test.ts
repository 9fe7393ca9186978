import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { DIMENSIONS, startOpenAiServer } from "../../local/ai/openai-server.fixture.ts";
import { runCommand } from "../command/run-cli.fixture.ts";

/** More than a write tries itself: the queue waits between its attempts. */
const FAILURES = 3;

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "site-"));
});
afterAll(() => rm(dir, { recursive: true }));

test("no question is asked before the documents have their vectors, though the model failed when they were written", async () => {
  await mkdir(join(dir, "late"));
  await writeFile(join(dir, "late", "mill.md"), "# Mill\n\nThe mill grinds rye.\n");
  const questions = join(dir, "late.jsonl");
  await writeFile(questions, JSON.stringify({ question: "Who was emperor?", unanswerable: true }));
  const server = await startOpenAiServer();
  const texts = () => server.requests.map(({ body }) => String(body.input));
  // The platform's first question is how many dimensions the model has. Then the write gives up, and leaves the vectors to the queue.
  server.broken = (outgoing) => {
    const failed = texts().filter((text) => text.includes("Mill")).length;
    outgoing.writeHead(failed === 0 ? 200 : 503);
    outgoing.end(JSON.stringify({ data: [{ index: 0, embedding: Array(DIMENSIONS).fill(1) }] }));
    if (failed === FAILURES) server.broken = null;
  };
  try {
    const { code } = await runCommand(["eval", "site", join(dir, "late"), questions]);
    expect(code).toBe(0);
    const written = texts().findLastIndex((text) => text.includes("Mill"));
    expect(texts().filter((text) => text.includes("Mill"))).toHaveLength(FAILURES + 1);
    expect(written).toBeLessThan(texts().findIndex((text) => text.includes("emperor")));
  } finally {
    server.close();
  }
});
