/** `ops backup import`: an off-account copy of a repository back into the stack's own place. */
import type { Command } from "commander";
import { EXIT } from "../../command/errors.ts";
import { perform } from "../../command/invocation.ts";
import { recordAction } from "../../command/journal.ts";
import { copyText } from "../export/command.ts";
import { type RepositoryOptions, withRepositoryOptions } from "../open.ts";
import { copyRepository } from "./copy.ts";

export function registerBackupImport(backup: Command): void {
  withRepositoryOptions(
    backup.command("import").argument("<place>", "the copy: a folder or s3://bucket/prefix?endpoint=URL"),
  )
    .description("a copied repository back into the stack's bucket, or into --repository; only what is missing")
    .addHelpText(
      "after",
      `
Examples:
  npm run ops -- backup import /media/vault --key-file ./escrow.json
  npm run --silent ops -- backup import s3://vault/prism?endpoint=https://… --repository ./here --json
The keys come along by hand: they are in no repository. Then: npm run ops -- backup verify, npm run ops -- restore plan.
JSON: {from, to, objects, bytes, kept, snapshots, passed, findings}`,
    )
    .action((place: string, options: RepositoryOptions, command: Command) =>
      perform(command, async (invocation) => {
        const { stack, data_dir } = invocation;
        const places = { from: place, to: options.repository, key_files: options.keyFile ?? [] };
        const report = await copyRepository(invocation, places);
        const outcome = report.passed ? "done" : "failed";
        await recordAction(data_dir, { stack, action: "backup import", outcome, detail: { ...report } }, Date.now());
        return { data: report, text: copyText(report), exit_code: report.passed ? EXIT.done : EXIT.check_failed };
      }),
    );
}
