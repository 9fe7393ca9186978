import { appendFileSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { type JournalEntry, recordAction } from "./journal.ts";

test("half a line of a process that was killed spoils no other line", async () => {
  const dir = mkdtempSync(join(tmpdir(), "prism-journal-"));
  const entry: JournalEntry = { stack: "local", action: "drill", outcome: "done", detail: {} };
  await recordAction(dir, entry, 0);
  appendFileSync(join(dir, "journal.jsonl"), '{"at":"1970-01-01T00');
  await recordAction(dir, entry, 1);
  await recordAction(dir, entry, 2);
  const lines = readFileSync(join(dir, "journal.jsonl"), "utf8").trimEnd().split("\n");
  expect(lines).toHaveLength(4);
  for (const line of [lines[0], lines[2], lines[3]])
    expect(JSON.parse(line ?? "")).toMatchObject({ action: "drill", outcome: "done" });
  rmSync(dir, { recursive: true });
});
