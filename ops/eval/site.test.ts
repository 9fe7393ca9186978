import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runCli, runCommand } from "../command/run-cli.fixture.ts";

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "site-"));
});
afterAll(() => rm(dir, { recursive: true }));

test("questions about a folder of documents are asked of the service; what it finds, sends, answers and refuses is counted", async () => {
  await mkdir(join(dir, "docs", "guides"), { recursive: true });
  await writeFile(
    join(dir, "docs", "guides", "mill.md"),
    "# Mill\n\nThe mill grinds 40 sacks\nof rye a day. Its wheel is oak.\n",
  );
  await writeFile(
    join(dir, "docs", "boats.html"),
    "<h1>Boats</h1><p>The ferry carries nine people. Its mast is pine.</p>",
  );
  await writeFile(join(dir, "docs", "empty.md"), "");
  const lines = [
    { question: "How many sacks does the mill grind a day?", documents: ["guides/mill.md"], answer: "40 sacks of rye" },
    { question: "How many people does the ferry carry?", documents: ["guides/mill.md"], answer: "twelve" },
    { question: "Who was the emperor of Abyssinia?", unanswerable: true },
  ];
  const questions = join(dir, "questions.jsonl");
  await writeFile(questions, lines.map((line) => JSON.stringify(line)).join("\n"));

  const { code, stdout } = await runCommand(["eval", "site", join(dir, "docs"), questions, "--json"]);
  expect(code).toBe(0);
  const report = JSON.parse(stdout);
  expect(report).toMatchObject({ documents: 2, answerable: 2, unanswerable: 1 });
  expect(report.failures).toMatchObject([{ id: "site:empty.md" }]);
  expect(report).toMatchObject({ answer_sent: 0.5, answer_right: 0.5, refused_answerable: 0, refused: 1 });
  expect(report.judged[0]).toMatchObject({ document_top3: true, answer_sent: true, answer_right: true });
  expect(report.judged[2]).toMatchObject({ answerable: false, document_top3: null, answer: null });
});

test("a pattern that is none is wrong usage, and its line is named", async () => {
  const questions = join(dir, "broken.jsonl");
  await writeFile(questions, JSON.stringify({ question: "Why?", documents: ["a.md"], answer: "(" }));
  const { code, stdout } = await runCommand(["eval", "site", dir, questions, "--json"]);
  expect(code).toBe(2);
  expect(JSON.parse(stdout).error).toMatchObject({ subject: questions, cause: expect.stringContaining("line 1") });
});

test("a server of models that the environment names in part is told, and is no defect of the command", async () => {
  await writeFile(join(dir, "none.jsonl"), JSON.stringify({ question: "Who?", unanswerable: true }));
  const address = { PRISM_AI_BASE_URL: "http://127.0.0.1:9/v1" };
  const { code, stderr } = await runCli(["eval", "site", dir, join(dir, "none.jsonl")], address);
  expect(code).toBe(2);
  expect(stderr).toMatch(
    /Error: start a platform of its own: .*set PRISM_AI_EMBEDDING_MODEL.*\nTry: .*unset PRISM_AI_BASE_URL/,
  );
});
