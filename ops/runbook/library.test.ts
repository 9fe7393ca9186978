import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { allRunbooks } from "./library.ts";

const SOUND = `---
id: sound
alerts: []
severity: SEV-3
services: [search]
last_drilled: never
---
# A trial
## Meaning
## Impact
## Do not
## Steps
\`\`\`sh step=look risk=read
true
\`\`\`
## Verify
## If it fails
## Last drilled
`;

test("a file that is no runbook, or cannot be read, keeps nobody from the others", async () => {
  const folder = mkdtempSync(join(tmpdir(), "prism-runbooks-"));
  writeFileSync(join(folder, "sound.md"), SOUND);
  symlinkSync("ann@desk.4711", join(folder, ".#sound.md"));
  writeFileSync(join(folder, "._sound.md"), "\0\x05\x16\x07");
  writeFileSync(join(folder, "README.md"), "# Runbooks");
  mkdirSync(join(folder, "drafts.md"));
  const found = await allRunbooks(folder);
  expect(found.map(({ id, problems }) => [id, problems.map(({ message }) => message)])).toEqual([
    ["drafts", [expect.stringMatching(/^it cannot be read \(EISDIR/)]],
    ["sound", []],
  ]);
  rmSync(folder, { recursive: true });
});
