/** `ops backup export`: a snapshot for people and other tools, or the whole repository, encrypted as it is, for another place. */
import type { Command } from "commander";
import { EXIT, OpsError } from "../../command/errors.ts";
import { type Invocation, type Outcome, perform } from "../../command/invocation.ts";
import { recordAction } from "../../command/journal.ts";
import { type CopyReport, copyRepository } from "../import/copy.ts";
import { readManifest } from "../manifest.ts";
import { type RepositoryOptions, withRepository, withRepositoryOptions } from "../open.ts";
import { shownBytes } from "../shown.ts";
import { writeExport } from "./write-export.ts";

interface ExportOptions extends RepositoryOptions {
  to?: string;
  asRepository?: boolean;
}

export function registerBackupExport(backup: Command): void {
  withRepositoryOptions(backup.command("export").argument("[words...]", "[ID] DIR: snapshot (the newest), new folder"))
    .description("a snapshot as plain SQL, NDJSON and objects; or the repository itself to another account")
    .option("--to <place>", "with --as-repository: a folder or s3://bucket/prefix?endpoint=URL")
    .option("--as-repository", "copy the repository, encrypted as it is; only what is missing there")
    .addHelpText(
      "after",
      `
Examples:
  npm run ops -- backup export ./plain && sqlite3 new.sqlite < ./plain/database.sql
  npm run --silent ops -- backup export --as-repository --to s3://vault/prism?endpoint=https://… --json
The plain files are NOT encrypted. A copied repository is used like any other (--repository PLACE), pruned on its own, and checked here:
every object at its size. What was removed at the source stays in the copy. Safe to repeat.
JSON: {snapshot, folder, files, objects, tables: [{name, rows, digest}]}; of a repository {from, to, objects, bytes, kept, snapshots, passed}`,
    )
    .action((words: string[], options: ExportOptions, command: Command) =>
      perform(command, async (invocation) => {
        if (options.asRepository === true && options.to !== undefined && words.length === 0)
          return await copyOut(invocation, options.to, options);
        const [dir, id = "latest"] = words.toReversed();
        if (dir === undefined || words.length > 2 || options.asRepository === true || options.to !== undefined)
          throw new OpsError(
            {
              op: "export",
              subject: words.join(" ") || "nothing",
              cause: "it takes a new folder, or --as-repository and --to",
              hint: "npm run ops -- backup export --help",
            },
            { exit_code: EXIT.usage },
          );
        return await withRepository(invocation, options, null, async (repository) => {
          const { progress, signal } = invocation;
          const snapshot = await repository.openSnapshot(id);
          const lease = await repository.leaseForRestore([snapshot.info.id]);
          try {
            const manifest = await readManifest(snapshot);
            progress.start("rows", manifest.summary.database.rows);
            const on_rows = (rows: number) => progress.update(rows);
            const data = await writeExport(snapshot, manifest, dir, { signal, on_rows });
            return {
              data: { snapshot: snapshot.info.id, ...data },
              text: `Snapshot ${snapshot.info.id}: ${data.files} files in ${dir}, not encrypted.`,
            };
          } finally {
            progress.stop();
            await lease.release();
          }
        });
      }),
    );
}

async function copyOut(invocation: Invocation, to: string, options: ExportOptions): Promise<Outcome> {
  const { stack, data_dir } = invocation;
  const report = await copyRepository(invocation, { from: options.repository, to, key_files: options.keyFile ?? [] });
  const outcome = report.passed ? "done" : "failed";
  await recordAction(data_dir, { stack, action: "backup export", outcome, detail: { ...report } }, Date.now());
  return { data: report, text: copyText(report), exit_code: report.passed ? EXIT.done : EXIT.check_failed };
}

export function copyText({ from, to, objects, bytes, kept, snapshots, findings }: CopyReport): string {
  return [
    ...findings.map(({ object, cause }) => `damage: ${object} ${cause}`),
    `${from} to ${to}: ${objects} objects copied (${shownBytes(bytes)}), ${kept} were there; ${snapshots} snapshots, ` +
      `${findings.length === 0 ? "all objects at their size" : "NOT whole"}.`,
  ].join("\n");
}
