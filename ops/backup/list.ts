/** `ops backup list`: which snapshots there are. */
import type { Command } from "commander";
import { type Invocation, type Outcome, perform } from "../command/invocation.ts";
import { table } from "../command/output.ts";
import { type RepositoryOptions, withRepository, withRepositoryOptions } from "./open.ts";
import { shownBytes } from "./shown.ts";

export function registerBackupList(backup: Command): void {
  withRepositoryOptions(backup.command("list"))
    .description("the snapshots of a repository, newest first")
    .addHelpText(
      "after",
      `
Examples:
  npm run ops -- backup list
  npm run --silent ops -- backup list --repository ./vault --json
JSON: {repository, snapshots: [{id, epoch, started_ms, finished_ms, tool, signer, parts, bytes, plain_bytes, new_bytes, verified}]}`,
    )
    .action((options: RepositoryOptions, command: Command) =>
      perform(command, (invocation) => listBackups(invocation, options)),
    );
}

async function listBackups(invocation: Invocation, options: RepositoryOptions): Promise<Outcome> {
  return withRepository(invocation, options, null, async (repository) => {
    const snapshots = await repository.listSnapshots();
    const text =
      snapshots.length === 0
        ? `No snapshot in ${repository.location}: npm run ops -- backup create`
        : table(
            snapshots,
            [
              { title: "snapshot", value: ({ id }) => id },
              { title: "finished", value: ({ finished_ms }) => new Date(finished_ms).toISOString() },
              { title: "bytes", value: ({ bytes }) => shownBytes(bytes), align: "right" },
              { title: "new", value: ({ new_bytes }) => shownBytes(new_bytes), align: "right" },
              { title: "verified", value: ({ verified }) => verified?.level ?? "no" },
              { title: "by", value: ({ signer }) => signer },
            ],
            invocation.terminal,
          );
    return { data: { repository: repository.location, snapshots }, text };
  });
}
