/** `ops backup list` */
import { z } from "zod";
import { defineCommand } from "../command/define.ts";
import { table } from "../command/output.ts";
import { shownBytes } from "../command/quantities.ts";
import { repositoryOptions, withRepository } from "./open.ts";
import { snapshotInfo } from "./repository/repository.ts";

export const backupList = defineCommand({
  path: "backup list",
  group: "backup",
  summary: "list the snapshots of a repository, newest first",
  risk: "read",
  options: z.object({ ...repositoryOptions.shape, tag: z.string().optional().describe("only those with this tag") }),
  output: z.strictObject({ repository: z.string(), snapshots: z.array(snapshotInfo) }),
  examples: ["backup list", "backup list --tag before-migration", "backup list --repository ./vault --json"],
  run(invocation, { tag, ...options }) {
    return withRepository(invocation, options, null, async (repository) => {
      const all = await repository.listSnapshots();
      const snapshots = tag === undefined ? all : all.filter(({ tags }) => tags.includes(tag));
      const text =
        snapshots.length === 0
          ? `No snapshot${tag === undefined ? "" : ` tagged ${tag}`} in ${repository.location}: npm run ops -- backup create`
          : table(invocation.terminal, snapshots, [
              { title: "snapshot", value: ({ id }) => id },
              { title: "finished", value: ({ finished_ms }) => new Date(finished_ms).toISOString() },
              { title: "bytes", value: ({ bytes }) => shownBytes(bytes), align: "right" },
              { title: "new", value: ({ new_bytes }) => shownBytes(new_bytes), align: "right" },
              { title: "verified", value: ({ verified }) => verified?.level ?? "no" },
              { title: "by", value: ({ signer }) => signer },
              { title: "tags", value: ({ tags }) => tags.join(" ") },
            ]);
      return { data: { repository: repository.location, snapshots }, text };
    });
  },
});
