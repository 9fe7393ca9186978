/** What a person does at a question, on a terminal of the test's own (`script` makes one). */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { COMPILED } from "./run-cli.fixture.ts";

test.runIf(process.platform === "linux").each([
  ["Ctrl-C", "\u0003"],
  ["Ctrl-D", "\u0004"],
])("%s at a question of a runbook interrupts the runbook: it says how to go on", async (_, pressed) => {
  const folder = mkdtempSync(join(tmpdir(), "prism-prompt-"));
  const cli = join(import.meta.dirname, "../cli.ts");
  const line = `"${process.execPath}" "${cli}" runbook run search-wrong --data "${folder}"`;
  const env = { ...process.env, ...COMPILED, PRISM_URL: "http://127.0.0.1:1", PRISM_KEY: "none" };
  const child = spawn("script", ["--quiet", "--return", "--command", line, "/dev/null"], { env });
  let seen = "";
  child.stdout.on("data", (text: Buffer) => {
    const isFirst = !seen.includes("Enter runs it");
    seen += text;
    if (isFirst && seen.includes("Enter runs it")) child.stdin.write(pressed);
  });
  const [code] = await once(child, "close");
  rmSync(folder, { recursive: true });
  expect([code, seen]).toEqual([1, expect.stringMatching(/runbook run --data \S+ search-wrong --resume/)]);
});
