/** What `ops restore plan` and `apply` share: what is to be restored and from where, its plan, and the work that carries it out. */
import { z } from "zod";
import { counted } from "../../worker/ground/counted.ts";
import { iso } from "../../worker/ground/time.ts";
import { readManifest } from "../backup/manifest.ts";
import { keepMark, withdrawMarks } from "../backup/marks.ts";
import { type RepositoryOptions, repositoryOptions, withRepository } from "../backup/open.ts";
import { keptOptions } from "../backup/place.ts";
import type { Repository } from "../backup/repository/repository.ts";
import { refuseDamaged } from "../backup/whole-snapshot.ts";
import { EXIT, type ExitCode, misuse, OpsError, refusal } from "../command/errors.ts";
import type { Invocation, Outcome } from "../command/invocation.ts";
import { momentBefore } from "../command/options.ts";
import { table } from "../command/output.ts";
import { shownBytes, shownTime } from "../command/quantities.ts";
import { type DerivedCheck, UnequalRestore } from "./derived-checks.ts";
import type { SnapshotSource } from "./fills.ts";
import { freshSnapshot, whyNoSnapshot } from "./fresh-snapshot.ts";
import { applyInPlace, type RestoredInPlace } from "./in-place.ts";
import { applyToNewGeneration, type Restored, restoreBuckets, verifyBefore } from "./new-generation.ts";
import { planFromSnapshot, type RestorePlan, snapshotAt } from "./restore-plan.ts";
import { interruptedInPlace, isInterrupted, readRestoreRecord } from "./restore-record.ts";
import { type Situation, withSituation } from "./situation.ts";
import { planTimeTravel } from "./time-travel.ts";

export const sourceArgs = z.object({
  id: z.string().optional().describe("snapshot, or the beginning of its id (default: the latest)"),
});

export const sourceOptions = z.object({
  ...repositoryOptions.shape,
  at: momentBefore.optional().meta({
    placeholder: "time",
    description:
      "the state at this moment, such as 2026-11-20T12:00:00Z or 6h ago: by Time Travel if it reaches there, else the last snapshot",
  }),
  in_place: z.boolean().optional().describe("change the live database itself; a snapshot of it is made first"),
});

type Asked = z.output<typeof sourceArgs> &
  z.output<typeof sourceOptions> & {
    resume?: boolean | undefined;
    accept_failed_check?: DerivedCheck | undefined;
  };

/** What is to be restored, and how. */
interface Wish extends RepositoryOptions {
  id?: string | undefined;
  /** Milliseconds since the epoch. */
  at_ms?: number | undefined;
  /** Of the moment `at_ms`. */
  bookmark?: string;
  in_place?: boolean | undefined;
  accept_failed_check?: DerivedCheck | undefined;
}

/** Runs `work` with the plan of what is asked for, and with what does it. Whoever calls that has looked at the plan's refusals. */
type Work<T> = (plan: RestorePlan, restore: () => Promise<Restored | RestoredInPlace>) => Promise<T>;

/** A bookmark of Time Travel has dashes. */
const SNAPSHOT_ID = /^[0-9a-f]{16}$/;

/** @throws OpsError where nothing fits what is asked for, or the stack was never deployed. */
export async function prepareRestore<T>(invocation: Invocation, asked: Asked, work: Work<T>): Promise<T> {
  const { at, resume, ...others } = asked;
  if (others.id !== undefined && at !== undefined) {
    throw misuse({
      op: "restore",
      subject: others.id,
      cause: "a snapshot and a time were named",
      hint: "name one of them",
    });
  }
  return withSituation(invocation, async (situation) => {
    const wish = resume === true ? await interrupted(situation, asked) : { ...others, at_ms: at?.(invocation.now()) };
    const { at_ms, bookmark } = wish;
    const travel = at_ms === undefined ? null : await planTimeTravel(situation, at_ms, bookmark);
    if (travel === null)
      return withRepository(invocation, wish, null, (repository) =>
        fromRepository(invocation, situation, repository, wish, work),
      );
    const to = { bookmark: travel.source, state_at: travel.state_at, place: keptOptions(wish).repository };
    const hasSnapshot =
      (await interruptedInPlace(situation.session.bucket, travel.source, situation.session.steady)) !== null;
    const refusals = hasSnapshot ? [] : await whyNoSnapshot(invocation, wish);
    return work({ ...travel, refusals }, () =>
      applyInPlace(situation, thereOf(situation.existing), to, () => freshSnapshot(invocation, wish)),
    );
  });
}

/** What an interrupted restore was told, by its own record. */
async function interrupted({ session }: Situation, asked: Asked): Promise<Wish> {
  const refuse = (cause: string, hint: string, exit_code: ExitCode): never => {
    throw new OpsError({ op: "resume", subject: "a restore", cause, hint }, { exit_code });
  };
  const { id, at, in_place, repository, key_file, limit_rate, accept_failed_check } = asked;
  if (id !== undefined || at !== undefined || in_place === true)
    refuse("what it is of was named as well", "name nothing beside --resume, or leave --resume out", EXIT.usage);
  const record = await readRestoreRecord(session.bucket, session.steady);
  if (record === null || !isInterrupted(record))
    return refuse("none was interrupted", "npm run ops -- restore plan", EXIT.refused);
  const options = {
    repository: repository ?? record.repository ?? undefined,
    key_file,
    limit_rate,
    accept_failed_check,
  };
  if (record.method === "generation") return { ...options, id: record.source };
  if (SNAPSHOT_ID.test(record.source)) return { ...options, id: record.source, in_place: true };
  return { ...options, at_ms: Date.parse(record.state_at), bookmark: record.source };
}

async function fromRepository<T>(
  invocation: Invocation,
  situation: Situation,
  repository: Repository,
  wish: Wish,
  work: Work<T>,
): Promise<T> {
  const { id = "latest", at_ms, in_place = false } = wish;
  const wanted = at_ms === undefined ? id : await snapshotAt(repository, at_ms);
  if (wanted === null) {
    throw refusal({
      op: "restore",
      subject: repository.location,
      cause: `all its snapshots are later than ${iso(at_ms ?? 0)} (UTC), and Time Travel does not reach it`,
      hint: "npm run ops -- backup list",
    });
  }
  const snapshot = await repository
    .openSnapshot(wanted)
    .catch(refuseDamaged(repository, SNAPSHOT_ID.test(wanted) ? wanted : null));
  const lease = await repository.leaseForRestore([snapshot.info.id]);
  const refuse = refuseDamaged(repository, snapshot.info.id);
  try {
    const source: SnapshotSource = { snapshot, manifest: await readManifest(snapshot).catch(refuse) };
    const plan = await planFromSnapshot(situation, repository, source, in_place).catch(refuse);
    const accepts = wish.accept_failed_check ?? null;
    const restoring = { situation, repository, source, plan, accepts, opened: keptOptions(wish) };
    const inPlace = async () => {
      await verifyBefore(restoring);
      await restoreBuckets(situation.session, source);
      const to = { source, migrations: plan.migrations, accepts, place: keptOptions(wish).repository };
      // The plan refused one that holds nothing, unless that is what an interrupted restore has left.
      return await applyInPlace(situation, thereOf(situation.existing), to, () => freshSnapshot(invocation, wish));
    };
    const withdraw = async (error: unknown): Promise<never> => {
      if (error instanceof UnequalRestore) await withdrawMarks(invocation, repository, snapshot.info.id);
      throw error;
    };
    return await work(plan, async () => {
      const done = await (in_place ? inPlace() : applyToNewGeneration(restoring)).catch(withdraw);
      if (done.overruled.length > 0) await withdrawMarks(invocation, repository, snapshot.info.id);
      else await keepMark(invocation, repository, snapshot.info.id, "restore");
      return done;
    });
  } finally {
    await lease.release();
  }
}

/** A plan in place is refused, or not made, where there is none. */
function thereOf(database: Situation["live"]): NonNullable<Situation["live"]> {
  if (database === null) throw new Error("a restore in place needs a database, and its plan says so");
  return database;
}

/** The plan as the outcome of a command that goes no further. */
export function told(plan: RestorePlan, { terminal }: Invocation): Outcome<RestorePlan> {
  const exit_code = plan.refusals.length > 0 ? EXIT.refused : EXIT.done;
  return { data: plan, text: planText(plan, terminal), exit_code };
}

function planText(plan: RestorePlan, terminal: boolean): string {
  const place = plan.in_place
    ? `in place, in database g${plan.database.from}`
    : `into database g${plan.database.to} and vectors g${plan.vectors.to}, beside g${plan.database.from} and g${plan.vectors.from}`;
  return [
    `${plan.method} ${plan.source}, the state of ${plan.state_at} (${shownTime(plan.rpo_s * 1000)} ago), ${place}`,
    plan.tables === null
      ? "D1 moves the database itself: how many rows it has then is known afterwards. The index follows them, with requests of its own"
      : `${counted(
          plan.tables.reduce((sum, one) => sum + one.rows, 0),
          "row",
        )} (${shownBytes(plan.bytes ?? 0)}), ${counted(plan.vector_count ?? 0, "vector")}, ${counted(plan.objects, "object")}, ${counted(plan.config_keys, "key")} of configuration`,
    `${counted(plan.requests, "request")}, about ${shownTime(plan.duration_s * 1000)}; ${counted(plan.rows_written, "row")} written: ${counted(plan.free_days, "day")} of the free plan`,
    ...(plan.migrations.length > 0 ? [`then migrations ${plan.migrations.join(", ")}`] : []),
    ...(terminal && plan.tables !== null
      ? [
          table(true, plan.tables, [
            { title: "table", value: ({ name }) => name },
            { title: "rows", value: (one) => one.rows, align: "right" },
          ]),
        ]
      : []),
    ...(plan.drops.length > 0 ? [`deletes ${plan.drops.join(", ")}: not live for 7 days`] : []),
    "Lost:",
    ...plan.lost.map((text) => `- ${text}`),
    ...plan.refusals.map(({ reason, remedy }) => `Refused: ${reason}. Try: ${remedy}`),
  ].join("\n");
}
