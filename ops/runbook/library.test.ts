import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { allRunbooks } from "./library.ts";
import { runbookOf } from "./trial.fixture.ts";

test("a file that is no runbook, or cannot be read, keeps nobody from the others", async () => {
  const folder = mkdtempSync(join(tmpdir(), "prism-runbooks-"));
  writeFileSync(join(folder, "trial.md"), runbookOf([["step=look risk=read", "true"]]).markdown);
  symlinkSync("ann@desk.4711", join(folder, ".#trial.md"));
  writeFileSync(join(folder, "._trial.md"), "\0\x05\x16\x07");
  writeFileSync(join(folder, "README.md"), "# Runbooks");
  mkdirSync(join(folder, "drafts.md"));
  const found = await allRunbooks(folder);
  expect(found.map(({ id, problems }) => [id, problems.map(({ message }) => message)])).toEqual([
    ["drafts", [expect.stringMatching(/^it cannot be read \(EISDIR/)]],
    ["trial", []],
  ]);
  rmSync(folder, { recursive: true });
});
