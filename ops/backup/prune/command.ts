/** `ops backup prune`: old snapshots go, by a rule that says for each of them why it stays or goes. */
import { type Command, InvalidArgumentError } from "commander";
import { confirm, type Invocation, type Outcome, perform } from "../../command/invocation.ts";
import { recordAction } from "../../command/journal.ts";
import { table } from "../../command/output.ts";
import { KEEP_DAILY, KEEP_MONTHLY, KEEP_WEEKLY, KEEP_YEARLY } from "../../limits.ts";
import { type RepositoryOptions, withRepository, withRepositoryOptions } from "../open.ts";
import type { PrunePlan, PruneReport, Repository } from "../repository/repository.ts";
import { shownBytes } from "../shown.ts";
import { judge, type KeepRule, type Verdict } from "./keep.ts";

interface PruneOptions extends RepositoryOptions, KeepRule {
  dryRun?: boolean;
  yes?: boolean;
}

export function registerBackupPrune(backup: Command): void {
  withRepositoryOptions(backup.command("prune"))
    .description("remove old snapshots and what only they needed; says why each stays or goes")
    .option("--daily <n>", "days to keep the newest snapshot of", count, KEEP_DAILY)
    .option("--weekly <n>", "weeks", count, KEEP_WEEKLY)
    .option("--monthly <n>", "months", count, KEEP_MONTHLY)
    .option("--yearly <n>", "years", count, KEEP_YEARLY)
    .option("--dry-run", "say what would go, remove nothing")
    .option("--yes", "remove without asking")
    .addHelpText(
      "after",
      `
Examples:
  npm run ops -- backup prune --dry-run
  npm run --silent ops -- backup prune --daily 14 --yes --json
Days, weeks and months without a snapshot do not count. The newest snapshot stays, and so does the newest that was verified; one that
a restore reads stays until it is done. What a bucket lock holds stays too, and goes with a later prune. Safe to repeat.
JSON: {dry_run, rule, verdicts: [{id, finished_ms, keep, reasons}], plan: {remove, in_use, objects, bytes}, removed: {snapshots_removed,
objects_removed, bytes_removed, locked: {objects, bytes}}|null}`,
    )
    .action((options: PruneOptions, command: Command) =>
      perform(command, (invocation) =>
        withRepository(invocation, options, null, (repository) => pruneBackups(invocation, repository, options)),
      ),
    );
}

function count(text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw new InvalidArgumentError("Expected a whole number from 0.");
}

async function pruneBackups(invocation: Invocation, repository: Repository, options: PruneOptions): Promise<Outcome> {
  const { daily, weekly, monthly, yearly } = options;
  const rule: KeepRule = { daily, weekly, monthly, yearly };
  const snapshots = await repository.listSnapshots();
  if (snapshots.length === 0) {
    const data = { dry_run: options.dryRun === true, rule, verdicts: [], plan: null, removed: null };
    return { data, text: `No snapshot in ${repository.location}.` };
  }
  const verdicts = judge(snapshots, rule);
  const plan = await repository.planPrune(verdicts.filter(({ keep }) => keep).map(({ id }) => id));
  const removed = options.dryRun === true ? null : await remove(invocation, repository, plan, options.yes === true);
  const times = new Map(snapshots.map(({ id, finished_ms }) => [id, finished_ms]));
  return {
    data: {
      dry_run: options.dryRun === true,
      rule,
      verdicts: verdicts.map((verdict) => ({ ...verdict, finished_ms: times.get(verdict.id) })),
      plan: { remove: plan.remove, in_use: plan.in_use, objects: plan.objects, bytes: plan.bytes },
      removed,
    },
    text: [
      verdictTable(verdicts, times, plan, invocation.terminal),
      ...plan.in_use.map(({ id, by }) => `${id} stays for now: in use (${by}).`),
      removed === null
        ? `Would remove ${plan.remove.length} snapshots, ${plan.objects} objects, ${shownBytes(plan.bytes)}.`
        : done(removed),
    ].join("\n"),
  };
}

async function remove(
  invocation: Invocation,
  repository: Repository,
  plan: PrunePlan,
  yes: boolean,
): Promise<PruneReport> {
  const { stack, data_dir } = invocation;
  if (plan.remove.length > 0)
    await confirm(
      invocation,
      {
        op: "remove",
        subject: `${plan.remove.length} snapshots (${shownBytes(plan.bytes)}) from ${repository.location}`,
      },
      yes,
    );
  const report = await repository.prune(plan);
  const detail = { repository: repository.location, removed: report.snapshots_removed, bytes: report.bytes_removed };
  await recordAction(data_dir, { stack, action: "backup prune", outcome: "done", detail }, Date.now());
  return report;
}

function verdictTable(
  verdicts: readonly Verdict[],
  times: ReadonlyMap<string, number>,
  plan: PrunePlan,
  terminal: boolean,
): string {
  return table(
    verdicts,
    [
      { title: "snapshot", value: ({ id }) => id },
      { title: "finished", value: ({ id }) => new Date(times.get(id) ?? 0).toISOString() },
      { title: "", value: ({ id }) => (plan.remove.includes(id) ? "goes" : "stays") },
      { title: "because", value: ({ reasons }) => reasons.join("; ") },
    ],
    terminal,
  );
}

function done({ snapshots_removed, objects_removed, bytes_removed, locked }: PruneReport): string {
  const held =
    locked.objects === 0
      ? ""
      : ` A bucket lock holds ${locked.objects} objects (${shownBytes(locked.bytes)}) for now: a later prune removes them.`;
  return `Removed ${snapshots_removed.length} snapshots, ${objects_removed} objects, ${shownBytes(bytes_removed)}.${held}`;
}
