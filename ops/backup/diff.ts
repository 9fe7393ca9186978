/** `ops backup diff`: what changed between two snapshots, table by table and store by store. */
import type { Command } from "commander";
import { type Invocation, type Outcome, perform } from "../command/invocation.ts";
import { table } from "../command/output.ts";
import { readManifest } from "./manifest.ts";
import { type RepositoryOptions, withRepository, withRepositoryOptions } from "./open.ts";
import { compareManifests } from "./snapshot/compare.ts";

export function registerBackupDiff(backup: Command): void {
  withRepositoryOptions(backup.command("diff <older> <newer>"))
    .description("what changed between two snapshots, per table and store")
    .addHelpText(
      "after",
      `
Examples:
  npm run ops -- backup diff 3fa9 latest
  npm run --silent ops -- backup diff 3fa9 81c0 --json
Rows are compared by their hashes; no content is read where both snapshots share a base.
JSON: {older, newer, changes: [{store, name, change: same|changed|added|removed, before, after, added, removed, replaced}]};
added, removed and replaced count rows or objects, null where only the digests differ`,
    )
    .action((older: string, newer: string, options: RepositoryOptions, command: Command) =>
      perform(command, (invocation) => diffBackups(invocation, [older, newer], options)),
    );
}

async function diffBackups(
  invocation: Invocation,
  [older, newer]: [string, string],
  options: RepositoryOptions,
): Promise<Outcome> {
  return withRepository(invocation, options, null, async (repository) => {
    const before = await repository.openSnapshot(older);
    const after = await repository.openSnapshot(newer);
    const changes = await compareManifests(
      { snapshot: before, ...(await readManifest(before)) },
      { snapshot: after, ...(await readManifest(after)) },
    );
    const different = changes.filter(({ change }) => change !== "same");
    const text =
      different.length === 0
        ? `${before.info.id} and ${after.info.id} hold the same`
        : table(
            different,
            [
              { title: "store", value: ({ store }) => store },
              { title: "name", value: ({ name }) => name },
              { title: "change", value: ({ change }) => change },
              { title: "before", value: ({ before: count }) => count ?? "", align: "right" },
              { title: "after", value: ({ after: count }) => count ?? "", align: "right" },
              { title: "added", value: ({ added }) => added ?? "", align: "right" },
              { title: "removed", value: ({ removed }) => removed ?? "", align: "right" },
              { title: "replaced", value: ({ replaced }) => replaced ?? "", align: "right" },
            ],
            invocation.terminal,
          );
    return { data: { older: before.info.id, newer: after.info.id, changes }, text };
  });
}
