/** `ops drill`: proves that the latest snapshot can be restored, without touching what serves. */
import type { Command } from "commander";
import { type RepositoryOptions, withRepository, withRepositoryOptions } from "../backup/open.ts";
import { shownTime } from "../backup/shown.ts";
import { asOpsError, EXIT, isReason } from "../command/errors.ts";
import { type Invocation, type Outcome, perform } from "../command/invocation.ts";
import { recordAction } from "../command/journal.ts";
import { runningPlatform } from "../stack/locate.ts";
import { onDrillPlatform } from "./own-platform.ts";
import { type Rehearsal, rehearse } from "./rehearse.ts";

interface DrillOptions extends RepositoryOptions {
  snapshot: string;
}

export function registerDrill(program: Command): void {
  withRepositoryOptions(program.command("drill"))
    .description(
      "restore a snapshot into scratch stores, compare bit for bit, ask, delete the scratch; prints RPO and RTO",
    )
    .option("--snapshot <id>", "which one: an id, `latest` or `random`", "latest")
    .addHelpText(
      "after",
      `
Examples:
  npm run drill
  npm run --silent ops -- drill --stack production --key-file escrow.json --snapshot random --json
Works on the stack's repository with the key at hand, best the escrowed one. Where no local platform runs it starts one of its
own, backs it up with a key that can only write, and restores with the escrowed key alone.
Exit code 1 when anything is damaged, differs, is not found, or stays behind.
JSON: {stack, own_platform, passed, snapshot, state_at, rpo_s, rto_s, database: {tables, rows, full_text_indexes}, vectors: {vectors,
compared}, config_keys, golden: {asked, answered}, differences: [text], left_behind: [text]}`,
    )
    .action((options: DrillOptions, command: Command) => perform(command, (invocation) => drill(invocation, options)));
}

async function drill(invocation: Invocation, options: DrillOptions): Promise<Outcome> {
  const { stack, data_dir } = invocation;
  const own_platform = stack === "local" && !(await runs(data_dir));
  try {
    const rehearsal = own_platform
      ? await onDrillPlatform(invocation, (own, escrow) => rehearseFrom(own, { ...options, keyFile: [escrow] }))
      : await rehearseFrom(invocation, options);
    if (!own_platform) await journal(invocation, rehearsal.passed ? "done" : "failed", { ...rehearsal });
    return {
      data: { stack, own_platform, ...rehearsal },
      text: told(rehearsal),
      exit_code: rehearsal.passed ? EXIT.done : EXIT.check_failed,
    };
  } catch (error) {
    if (!own_platform) await journal(invocation, "failed", { cause: asOpsError(error).message });
    throw error;
  }
}

async function runs(data_dir: string): Promise<boolean> {
  return runningPlatform(data_dir).then(
    () => true,
    (error: unknown) => {
      if (isReason(error, "not-running")) return false;
      throw error;
    },
  );
}

async function rehearseFrom(invocation: Invocation, options: DrillOptions): Promise<Rehearsal> {
  return withRepository(invocation, options, null, async (repository) => {
    const snapshots = options.snapshot === "random" ? await repository.listSnapshots() : [];
    const chosen = snapshots[Math.floor(Math.random() * snapshots.length)]?.id ?? options.snapshot;
    const id = chosen === "random" ? "latest" : chosen;
    const rehearsal = await rehearse(invocation, repository, id);
    if (rehearsal.passed && repository.can.write) await repository.recordVerification(rehearsal.snapshot, "restore");
    return rehearsal;
  });
}

function journal({ stack, data_dir }: Invocation, outcome: "done" | "failed", detail: Record<string, unknown>) {
  return recordAction(data_dir, { stack, action: "drill", outcome, detail }, Date.now());
}

function told(rehearsal: Rehearsal): string {
  const { database, vectors, golden } = rehearsal;
  return [
    `Snapshot ${rehearsal.snapshot}, the state of ${rehearsal.state_at}: ${rehearsal.passed ? "restored and equal" : "FAILED"}.`,
    `RPO ${shownTime(rehearsal.rpo_s * 1000)}, RTO ${shownTime(rehearsal.rto_s * 1000)} (into scratch stores, deployments not counted)`,
    `${database.rows} rows in ${database.tables} tables, ${vectors.vectors} vectors (${vectors.compared} value by value), ` +
      `${golden.answered} of ${golden.asked} golden queries answered`,
    ...rehearsal.differences.map((difference) => `differs: ${difference}`),
    ...rehearsal.left_behind.map((what) => `left behind: ${what}`),
  ].join("\n");
}
