/** Commands on a machine whose PATH has no bash. */
import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { runCli } from "./command/run-cli.fixture.ts";

const folder = mkdtempSync(join(tmpdir(), "prism-no-bash-"));
symlinkSync(process.execPath, join(folder, "node"));
afterAll(() => rmSync(folder, { recursive: true }));

test.each([
  ["deps", "unused"],
  ["audit", "dependencies"],
  ["deps", "update", "--dry-run"],
])("without bash, %s %s says what is missing", async (...words) => {
  const { code, stderr } = await runCli([...words, "--data", folder], { PATH: folder });
  expect([code, stderr]).toEqual([3, expect.stringContaining("PATH has no bash")]);
});
