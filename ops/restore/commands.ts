/** `ops restore plan`, `apply`, `undo`. */
import { type Command, InvalidArgumentError } from "commander";
import { readManifest } from "../backup/manifest.ts";
import { type RepositoryOptions, withRepository, withRepositoryOptions } from "../backup/open.ts";
import type { Repository } from "../backup/repository/repository.ts";
import { shownBytes, shownTime } from "../backup/shown.ts";
import { EXIT, type ExitCode, OpsError } from "../command/errors.ts";
import { confirm, type Invocation, type Outcome, perform } from "../command/invocation.ts";
import { recordAction } from "../command/journal.ts";
import { table } from "../command/output.ts";
import { applyToNewGeneration, type Restored, restoreBuckets, verifyBefore } from "./apply.ts";
import type { SnapshotSource } from "./fills.ts";
import { freshSnapshot } from "./fresh-snapshot.ts";
import { applyInPlace, type RestoredInPlace } from "./in-place.ts";
import { planFromSnapshot, type RestorePlan, snapshotAt } from "./plan.ts";
import { isInterrupted, readRestoreRecord } from "./restore-record.ts";
import { type Situation, withSituation } from "./situation.ts";
import { planTimeTravel } from "./time-travel.ts";
import { undoable, undoRestore } from "./undo.ts";

interface RestoreOptions extends RepositoryOptions {
  at?: number;
  inPlace?: boolean;
  dryRun?: boolean;
  resume?: boolean;
  yes?: boolean;
}

/** What is to be restored, and how. */
interface Wish extends RestoreOptions {
  id?: string | undefined;
  /** Of the moment `at`. */
  bookmark?: string;
}

/** A bookmark of Time Travel has dashes. */
const SNAPSHOT_ID = /^[0-9a-f]{16}$/;

const PLAN_SHAPE = `{stack, method: "snapshot"|"time travel", in_place, source, state_at, rpo_s, lost: [text], database: {from, to},
vectors: {from, to}, tables: [{name, rows}], vector_count, config_keys, objects, migrations, requests, rows_written, bytes,
duration_s, free_days, refusals: [{reason, remedy}]}`;

export function registerRestore(program: Command): void {
  const restore = program.command("restore").description("bring a stack back to a snapshot or a moment, and undo that");
  source(restore.command("plan"))
    .description("what a restore would do, take and lose; changes nothing")
    .addHelpText("after", `\nExit code 3 when it would be refused.\nJSON: ${PLAN_SHAPE}`)
    .action((id: string | undefined, options: RestoreOptions, command: Command) =>
      perform(command, (invocation) => restoreFrom(invocation, id, { ...options, dryRun: true })),
    );
  source(restore.command("apply"))
    .description(
      "verify the snapshot, fill new stores beside the live ones, compare, switch over; the old ones are kept",
    )
    .option("--dry-run", "the same as `restore plan`")
    .option("--resume", "go on with the restore that was interrupted, whatever it was of")
    .option("--yes", "do not ask")
    .addHelpText(
      "after",
      `
Examples:
  npm run ops -- restore apply --yes
  npm run ops -- restore apply --at 2026-11-20T12:00:00Z --yes
  npm run ops -- restore apply --resume --yes
Interrupted, run it again: it goes on. --resume needs not be told what was being restored, and refuses when nothing was. Without --yes nothing
happens (exit code 3).
JSON: {plan, restored: {database, vectors, objects, config, rto_s, …}}; with --dry-run the plan alone, as \`restore plan\``,
    )
    .action((id: string | undefined, options: RestoreOptions, command: Command) =>
      perform(command, (invocation) => restoreFrom(invocation, id, options)),
    );
  restore
    .command("undo")
    .description("back to what was there before the last restore; what was written since stays behind")
    .option("--yes", "do not ask")
    .addHelpText("after", `\nJSON: {stack, undone: source, database, vectors, config: {written, removed}}`)
    .action((options: { yes?: boolean }, command: Command) =>
      perform(command, (invocation) => undo(invocation, options.yes === true)),
    );
}

function source(command: Command): Command {
  return withRepositoryOptions(command.argument("[id]", "snapshot, or the beginning of its id (default: the latest)"))
    .option(
      "--at <time>",
      "the state at this moment: by Time Travel if it reaches there, else the last snapshot",
      moment,
    )
    .option("--in-place", "change the live database itself; a snapshot of it is made first");
}

function moment(text: string): number {
  const at_ms = Date.parse(text);
  if (!Number.isNaN(at_ms)) return at_ms;
  throw new InvalidArgumentError("It is a time like 2026-11-20T12:00:00Z.");
}

async function restoreFrom(invocation: Invocation, id: string | undefined, options: RestoreOptions): Promise<Outcome> {
  if (id !== undefined && options.at !== undefined) {
    throw new OpsError(
      { op: "restore", subject: id, cause: "a snapshot and a time were named", hint: "name one of them" },
      { exit_code: EXIT.usage },
    );
  }
  return withSituation(invocation, async (situation) => {
    const wish = options.resume === true ? await interrupted(situation, id, options) : { id, ...options };
    const travel = wish.at === undefined ? null : await planTimeTravel(situation, wish.at, wish.bookmark);
    if (travel !== null) {
      const to = { bookmark: travel.source, state_at: travel.state_at };
      return carryOut(invocation, wish, travel, async (live) =>
        applyInPlace(situation, live, to, () => freshSnapshot(invocation, wish)),
      )(situation);
    }
    return withRepository(invocation, wish, null, (repository) =>
      fromRepository(invocation, situation, repository, wish.id, wish),
    );
  });
}

/** What an interrupted restore was told, by its own record. */
async function interrupted({ bench }: Situation, id: string | undefined, options: RestoreOptions): Promise<Wish> {
  const refuse = (cause: string, hint: string, exit_code: ExitCode): never => {
    throw new OpsError({ op: "resume", subject: "a restore", cause, hint }, { exit_code });
  };
  if (id !== undefined || options.at !== undefined || options.inPlace === true)
    refuse("what it is of was named as well", "name nothing beside --resume, or leave --resume out", EXIT.usage);
  const record = await readRestoreRecord(bench.bucket, bench.steady);
  if (record === null || !isInterrupted(record))
    return refuse("none was interrupted", "npm run ops -- restore plan", EXIT.refused);
  if (record.method === "generation") return { ...options, id: record.source };
  if (SNAPSHOT_ID.test(record.source)) return { ...options, id: record.source, inPlace: true };
  return { ...options, at: Date.parse(record.state_at), bookmark: record.source };
}

async function fromRepository(
  invocation: Invocation,
  situation: Situation,
  repository: Repository,
  id: string | undefined,
  options: RestoreOptions,
): Promise<Outcome> {
  const wanted = options.at === undefined ? (id ?? "latest") : await snapshotAt(repository, options.at);
  if (wanted === null) {
    throw new OpsError(
      {
        op: "restore",
        subject: repository.location,
        cause: "all its snapshots are later than that time, and Time Travel does not reach it",
        hint: "npm run ops -- backup list",
      },
      { exit_code: EXIT.refused },
    );
  }
  const snapshot = await repository.openSnapshot(wanted);
  const lease = await repository.leaseForRestore([snapshot.info.id]);
  try {
    const from: SnapshotSource = { snapshot, manifest: await readManifest(snapshot) };
    const plan = await planFromSnapshot(situation, from, options.inPlace === true);
    const work = { situation, repository, source: from, plan };
    return await carryOut(invocation, options, plan, async (live) => {
      const done = options.inPlace === true ? await inPlace(live) : await applyToNewGeneration(work);
      if (repository.can.write) await repository.recordVerification(snapshot.info.id, "restore");
      return done;
    })(situation);

    async function inPlace(live: NonNullable<Situation["live"]>) {
      await verifyBefore(work);
      await restoreBuckets(situation.bench, from);
      return applyInPlace(situation, live, { source: from, migrations: plan.migrations }, () =>
        freshSnapshot(invocation, options),
      );
    }
  } finally {
    await lease.release();
  }
}

/** Refuses, shows or asks; then does it. */
function carryOut(
  invocation: Invocation,
  options: RestoreOptions,
  plan: RestorePlan,
  work: (live: NonNullable<Situation["live"]>) => Promise<Restored | RestoredInPlace>,
) {
  return async ({ live }: Situation): Promise<Outcome> => {
    if (options.dryRun === true) {
      const exit_code = plan.refusals.length > 0 ? EXIT.refused : EXIT.done;
      return { data: plan, text: planText(plan, invocation), exit_code };
    }
    const [refusal] = plan.refusals;
    if (refusal !== undefined) {
      throw new OpsError(
        { op: "restore", subject: plan.source, cause: refusal.reason, hint: refusal.remedy },
        { exit_code: EXIT.refused },
      );
    }
    invocation.note(planText(plan, invocation));
    await confirm(invocation, { op: "restore", subject: `${plan.stack} to ${plan.source}` }, options.yes === true);
    const restored = await work(live as NonNullable<Situation["live"]>);
    const { stack, data_dir } = invocation;
    const detail = { source: plan.source, method: plan.method, state_at: plan.state_at };
    await recordAction(data_dir, { stack, action: "restore apply", outcome: "done", detail }, Date.now());
    return {
      data: { plan, restored },
      text: `Restored ${plan.stack} to ${plan.source} as of ${plan.state_at} in ${restored.rto_s} s. Undo: npm run ops -- restore undo`,
    };
  };
}

function planText(plan: RestorePlan, { terminal }: Invocation): string {
  const rows = plan.tables.reduce((sum, one) => sum + one.rows, 0);
  const place = plan.in_place
    ? `in place, in database g${plan.database.from}`
    : `into database g${plan.database.to} and vectors g${plan.vectors.to}, beside g${plan.database.from} and g${plan.vectors.from}`;
  return [
    `${plan.method} ${plan.source}, the state of ${plan.state_at} (${shownTime(plan.rpo_s * 1000)} ago), ${place}`,
    `${rows} rows (${shownBytes(plan.bytes)}), ${plan.vector_count} vectors, ${plan.objects} objects, ${plan.config_keys} keys of configuration`,
    `${plan.requests} requests, about ${shownTime(plan.duration_s * 1000)}; ${plan.rows_written} rows written: ${plan.free_days} days of the free plan`,
    ...(plan.migrations.length > 0 ? [`then migrations ${plan.migrations.join(", ")}`] : []),
    ...(terminal
      ? [
          table(
            plan.tables,
            [
              { title: "table", value: ({ name }) => name },
              { title: "rows", value: (one) => one.rows, align: "right" },
            ],
            true,
          ),
        ]
      : []),
    "Lost:",
    ...plan.lost.map((text) => `- ${text}`),
    ...plan.refusals.map(({ reason, remedy }) => `Refused: ${reason}. Try: ${remedy}`),
  ].join("\n");
}

async function undo(invocation: Invocation, yes: boolean): Promise<Outcome> {
  return withSituation(invocation, async (situation) => {
    const record = await undoable(situation);
    await confirm(invocation, { op: "undo", subject: `the restore of ${record.source}` }, yes);
    const undone = await undoRestore(situation, record);
    const { stack, data_dir } = invocation;
    const detail = { source: record.source, method: record.method };
    await recordAction(data_dir, { stack, action: "restore undo", outcome: "done", detail }, Date.now());
    return {
      data: { stack, undone: record.source, ...undone },
      text: `Undone: ${stack} is as it was before ${record.source} was restored.`,
    };
  });
}
