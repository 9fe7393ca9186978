/** Runs jobs in their order: each is taken from other runners, done, and told; what it needs and is not there holds it back. */
import { randomBytes } from "node:crypto";
import { z } from "zod";
import type { Invocation } from "../command/invocation.ts";
import { dueRuns, type LastRun, ranFor_ms, stateOf } from "./due-rule.ts";
import { claim, type Run, reportEnd } from "./heartbeats.ts";
import { inOrder, type Job, waitsFor } from "./job.ts";
import { Records } from "./records.ts";
import { runJob } from "./run-job.ts";
import { lastRuns } from "./states.ts";

export const OUTCOMES = ["ok", "failed", "held back", "elsewhere", "unfinished"] as const;

export const jobResult = z.strictObject({
  job: z.string(),
  outcome: z
    .enum(OUTCOMES)
    .describe(
      "held back: what it needs has not succeeded; elsewhere: another runner has it; unfinished: a run was killed that must not simply be repeated",
    ),
  due_at: z.string().nullable().describe("the date that the run was for; null: by hand"),
  missed: z.int().describe("dates before that one, that nobody ran it for"),
  resumed: z.boolean().describe("it went on with a run that was killed"),
  because: z.string().nullable(),
  duration_ms: z.int().nullable(),
  folder: z.string().nullable().describe("record and output of the run"),
});
type JobResult = z.infer<typeof jobResult>;

interface PlannedRun extends Run {
  missed: number;
  is_resumed: boolean;
}

interface Plan {
  runs: PlannedRun[];
  /** Jobs whose killed run must not simply be repeated. */
  unfinished: Job[];
  /** What a run that is due needs, is not part of the plan, and failed when it ran last. */
  failed: ReadonlySet<string>;
}

/** The runs of those jobs that are due at `now_ms`, in order. */
export async function planDue(invocation: Invocation, jobs: readonly Job[], now_ms: number): Promise<Plan> {
  const last = await lastRuns(invocation, jobs);
  const stateAt = (job: Job) => stateOf(job, last.get(job.id) ?? null, now_ms).state;
  const runs = dueRuns(jobs, last, now_ms).map(({ job, due_ms, missed, resumes }) => ({
    ...{ job, due_ms, missed, run_id: resumes ?? newRunId(invocation.now()) },
    is_resumed: resumes !== null,
  }));
  return { runs, unfinished: jobs.filter((job) => stateAt(job) === "unfinished"), failed: failedApart(runs, last) };
}

function failedApart(runs: readonly Run[], last: ReadonlyMap<string, LastRun>): Set<string> {
  const planned = new Set(runs.map(({ job }) => job.id));
  const needs = runs.flatMap(({ job }) => job.needs);
  return new Set(needs.filter((need) => !planned.has(need) && last.get(need)?.result === "fail"));
}

/** Runs by hand, whatever is due and whatever failed before. */
export function planByHand(invocation: Invocation, jobs: readonly Job[]): Plan {
  const run = (job: Job) => ({ job, run_id: newRunId(invocation.now()), due_ms: null, missed: 0, is_resumed: false });
  return { runs: inOrder(jobs).map(run), unfinished: [], failed: new Set() };
}

/** Sorts by time, so that a job's last run is the last of its folders. */
function newRunId(now_ms: number): string {
  return `${new Date(now_ms).toISOString().replaceAll(/[-:.]/g, "")}-${randomBytes(4).toString("hex")}`;
}

/** @throws the signal's reason where the runner is ended. */
export async function carryOut(invocation: Invocation, { runs, unfinished, failed }: Plan): Promise<JobResult[]> {
  const why = "its last run was killed: see what it did, then run it by its name";
  const results = unfinished.map((job) => resultOf({ job, due_ms: null }, "unfinished", why));
  for (const run of runs) results.push(hindrance(run, results, failed) ?? (await oneRun(invocation, run)));
  return results;
}

/** What came before a run that speaks against it; null: nothing. */
function hindrance(run: PlannedRun, results: readonly JobResult[], failed: ReadonlySet<string>): JobResult | null {
  const { job } = run;
  const came = (ids: readonly string[], ...outcomes: JobResult["outcome"][]) =>
    results.find((one) => outcomes.includes(one.outcome) && ids.includes(one.job))?.job;
  const elsewhere = came(waitsFor(job), "elsewhere");
  if (elsewhere !== undefined) return resultOf(run, "elsewhere", `another runner has ${elsewhere}`);
  const unmet = job.needs.find((need) => failed.has(need)) ?? came(job.needs, "failed", "held back");
  return unmet === undefined ? null : resultOf(run, "held back", `${unmet} has not succeeded`);
}

async function oneRun(invocation: Invocation, run: PlannedRun): Promise<JobResult> {
  const { job, run_id, due_ms } = run;
  const records = new Records(invocation.data_dir, invocation.stack);
  const release = records.lock(job.id);
  if (release === null) return resultOf(run, "elsewhere", "another runner of this machine has it");
  try {
    // Another runner may have begun and ended since it was looked at.
    const now_ms = invocation.now();
    const own = records.last(job, now_ms);
    const ran_for_ms = own === null || own.result === "start" ? null : ranFor_ms(own, Math.max(now_ms, due_ms ?? 0));
    if (due_ms !== null && ran_for_ms !== null && ran_for_ms >= due_ms)
      return resultOf(run, "elsewhere", "another runner of this machine did it");
    if ((await claim(invocation, run)) === "elsewhere") return resultOf(run, "elsewhere", "another machine has it");
    invocation.note(`${job.id}: ${job.summary}${due_ms === null ? "" : `, for ${new Date(due_ms).toISOString()}`}`);
    const { run: ended_run, measures } = await runJob(invocation, records, run);
    const { result, started_ms, ended_ms, commands } = ended_run;
    const duration_ms = Math.max(1, ended_ms - started_ms);
    await reportEnd(invocation, run, { result, at_ms: ended_ms, duration_ms, measures });
    const ended = commands.at(-1);
    const because = result === "success" ? null : `ops ${ended?.words.join(" ")} ended with ${ended?.exit_code}`;
    const folder = records.folderOf({ job: job.id, run_id });
    return { ...resultOf(run, result === "success" ? "ok" : "failed", because), duration_ms, folder };
  } finally {
    release();
  }
}

function resultOf(
  { job, due_ms, missed = 0, is_resumed = false }: Pick<Run, "job" | "due_ms"> & Partial<PlannedRun>,
  outcome: JobResult["outcome"],
  because: string | null,
): JobResult {
  const due_at = due_ms === null ? null : new Date(due_ms).toISOString();
  return { job: job.id, outcome, due_at, missed, resumed: is_resumed, because, duration_ms: null, folder: null };
}
