/** For tests: a runbook of the test's own, whose steps are real shells. */
import { expect } from "vitest";
import type { SoundRunbook } from "./library.ts";
import { parseRunbook } from "./parse.ts";

/** A runbook of these steps, each an info string and its commands; `last` stand below "If it fails". */
export function runbookOf(
  steps: readonly (readonly [info: string, commands: string])[],
  last: typeof steps = [],
): SoundRunbook {
  const blocks = (of: typeof steps) =>
    of.map(([info, commands]) => `\`\`\`sh ${info}\n${commands}\n\`\`\`\n`).join("\n");
  const markdown = `---
id: trial
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
${blocks(steps)}
## Verify
## If it fails
Only look is safe to repeat.
${blocks(last)}
## Last drilled
`;
  const { front_matter, title, problems, ...parsed } = parseRunbook(markdown);
  if (front_matter === null || title === null) throw new Error(JSON.stringify(problems));
  expect(problems).toEqual([]);
  return { id: "trial", markdown, ...parsed, front_matter, title, problems };
}
