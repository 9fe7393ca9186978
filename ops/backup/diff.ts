/** `ops backup diff`: what changed between two snapshots, table by table and store by store. */
import { z } from "zod";
import { defineCommand } from "../command/define.ts";
import { table } from "../command/output.ts";
import { readManifest } from "./manifest.ts";
import { repositoryOptions, withRepository } from "./open.ts";
import { compareManifests, storeChange } from "./snapshot/compare.ts";

export const backupDiff = defineCommand({
  path: "backup diff",
  group: "backup",
  summary: "compare two snapshots, per table and store",
  notes: `Rows are compared by their hashes; no content is read where both snapshots share a base. Rows or objects that were added, removed and
replaced are counted; null where only the digests differ.`,
  risk: "read",
  args: z.object({
    older: z.string().describe("a snapshot, or the beginning of its id"),
    newer: z.string().describe("as `older`; `latest` is the newest one"),
  }),
  options: repositoryOptions,
  output: z.strictObject({ older: z.string(), newer: z.string(), changes: z.array(storeChange) }),
  examples: ["backup diff 3fa9 latest", "backup diff 3fa9 81c0 --json"],
  run(invocation, { older, newer, ...options }) {
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
          : table(invocation.terminal, different, [
              { title: "store", value: ({ store }) => store },
              { title: "name", value: ({ name }) => name },
              { title: "change", value: ({ change }) => change },
              { title: "before", value: ({ before: count }) => count ?? "", align: "right" },
              { title: "after", value: ({ after: count }) => count ?? "", align: "right" },
              { title: "added", value: ({ added }) => added ?? "", align: "right" },
              { title: "removed", value: ({ removed }) => removed ?? "", align: "right" },
              { title: "replaced", value: ({ replaced }) => replaced ?? "", align: "right" },
            ]);
      return { data: { older: before.info.id, newer: after.info.id, changes }, text };
    });
  },
});
