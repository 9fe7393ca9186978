/** `ops schedule run` */
import { randomBytes } from "node:crypto";
import { z } from "zod";
import { defineCommand } from "../command/define.ts";
import { EXIT, OpsError } from "../command/errors.ts";
import type { Invocation, Outcome } from "../command/invocation.ts";
import { table } from "../command/output.ts";
import { dueRuns, stateOf } from "./due-rule.ts";
import { claim, type Run, reportEnd } from "./heartbeats.ts";
import { inOrder, type Job, waitsFor } from "./job.ts";
import { JOBS } from "./jobs.ts";
import { jobNames, jobsNamed, nowOption } from "./options.ts";
import { Records } from "./records.ts";
import { runJob } from "./run-job.ts";
import { lastRuns } from "./states.ts";

const OUTCOMES = ["ok", "failed", "held back", "elsewhere", "unfinished"] as const;

const result = z.strictObject({
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
type Result = z.infer<typeof result>;

const plan = z.array(z.strictObject({ job: z.string(), due_at: z.string().nullable(), missed: z.int() }));
const output = z.union([
  z.strictObject({ dry_run: z.literal(true), jobs: plan }),
  z.strictObject({ jobs: z.array(result), ok: z.int(), failed: z.int() }),
]);

interface Planned extends Run {
  missed: number;
  is_resumed: boolean;
}

export const scheduleRun = defineCommand({
  path: "schedule run",
  group: "schedule",
  summary: "run jobs, in their order: those that are due, or those that are named",
  notes: `Each command runs as a process of its own, with the credentials of its job alone and a limit on its time; what it prints is kept in the run's
folder. The service hears of each start and end. Runners at the same time, on one machine or several, do no job twice. A run that was
killed is gone on with by the next runner; one that must not be repeated is told. Exit code 4 when something failed, was held back because what it
needs had failed, or is unfinished; 1 when nothing succeeded.`,
  risk: "change",
  args: z.object({ jobs: jobNames }),
  options: z.object({
    due: z.boolean().default(false).describe("only what is due; without names, of all jobs"),
    now: nowOption,
  }),
  output,
  examples: ["schedule run --due", "schedule run backup", "schedule run --due --now 2026-03-01T02:00:00Z --dry-run"],
  async run(invocation, { jobs: names, due, now }): Promise<Outcome<z.infer<typeof output>>> {
    const named = jobsNamed(names);
    if (named.length === 0 && !due) throw nothingNamed();
    const wanted = named.length === 0 ? JOBS : named;
    const last = await lastRuns(invocation);
    const now_ms = now ?? invocation.now();
    const runs: Planned[] = due
      ? dueRuns(wanted, last, now_ms).map(({ job, due_ms, missed, resumes }) => ({
          ...{ job, due_ms, missed, run_id: resumes ?? newRunId(invocation.now()) },
          is_resumed: resumes !== null,
        }))
      : inOrder(wanted).map((job) => byHand(job, invocation.now()));
    if (invocation.dry_run) {
      const planned = runs.map(({ job, due_ms, missed }) => ({ job: job.id, due_at: isoOrNull(due_ms), missed }));
      const text = planned.length === 0 ? "Nothing is due." : `Would run ${planned.map(({ job }) => job).join(", ")}`;
      return { data: { dry_run: true, jobs: planned }, text };
    }
    const results = due
      ? wanted
          .filter((job) => stateOf(job, last.get(job.id) ?? null, now_ms).state === "unfinished")
          .map((job) => of(job, "unfinished", "its last run was killed: see what it did, then run it by its name"))
      : [];
    const records = new Records(invocation.data_dir, invocation.stack);
    for (const run of runs) {
      const failedBefore = due ? run.job.needs.find((need) => last.get(need)?.result === "fail") : undefined;
      const before = {
        results,
        failed_before: runs.some(({ job }) => job.id === failedBefore) ? undefined : failedBefore,
      };
      results.push(await oneRun(invocation, records, run, before));
    }
    return summary(results, invocation.terminal);
  },
});

/** Runs a job unless what came before it, here or elsewhere, speaks against it. */
async function oneRun(
  invocation: Invocation,
  records: Records,
  run: Planned,
  { results, failed_before }: { results: readonly Result[]; failed_before: string | undefined },
): Promise<Result> {
  const { job, run_id, due_ms } = run;
  const came = (outcome: Result["outcome"], others: readonly string[]) =>
    results.find((one) => one.outcome === outcome && others.includes(one.job));
  const elsewhere = came("elsewhere", waitsFor(job));
  if (elsewhere !== undefined) return of(job, "elsewhere", `another runner has ${elsewhere.job}`, run);
  const unmet = failed_before ?? (came("failed", job.needs) ?? came("held back", job.needs))?.job;
  if (unmet !== undefined) return of(job, "held back", `${unmet} has not succeeded`, run);
  const release = records.lock(job.id);
  if (release === null) return of(job, "elsewhere", "another runner of this machine has it", run);
  try {
    // Another runner may have begun and ended since it was looked at.
    const own = records.last(job);
    const isDone = due_ms !== null && own !== null && own.result !== "start" && (own.due_ms ?? own.at_ms) >= due_ms;
    if (isDone) return of(job, "elsewhere", "another runner of this machine did it", run);
    if ((await claim(invocation, run)) === "elsewhere") return of(job, "elsewhere", "another machine has it", run);
    invocation.note(`${job.id}: ${job.summary}${due_ms === null ? "" : `, for ${iso(due_ms)}`}`);
    const { result: how, started_ms, ended_ms, commands } = await runJob(invocation, records, run);
    const at_ms = ended_ms ?? invocation.now();
    const duration_ms = Math.max(1, at_ms - started_ms);
    await reportEnd(invocation, run, { result: how === "success" ? "success" : "fail", at_ms, duration_ms });
    const failed = commands.at(-1);
    const because = how === "success" ? null : `ops ${failed?.words.join(" ")} ended with ${failed?.exit_code}`;
    const folder = records.folderOf({ job: job.id, run_id });
    return { ...of(job, how === "success" ? "ok" : "failed", because, run), duration_ms, folder };
  } finally {
    release();
  }
}

function of(job: Job, outcome: Result["outcome"], because: string | null, run?: Planned): Result {
  return {
    job: job.id,
    outcome,
    due_at: isoOrNull(run?.due_ms ?? null),
    missed: run?.missed ?? 0,
    resumed: run?.is_resumed ?? false,
    because,
    duration_ms: null,
    folder: null,
  };
}

function summary(results: Result[], terminal: boolean): Outcome<z.infer<typeof output>> {
  const count = (...outcomes: Result["outcome"][]) =>
    results.filter(({ outcome }) => outcomes.includes(outcome)).length;
  const ok = count("ok");
  const failed = count("failed", "held back", "unfinished");
  const elsewhere = count("elsewhere");
  const drawn = table(
    results,
    [
      { title: "job", value: ({ job }) => job },
      { title: "outcome", value: ({ outcome, resumed }) => `${outcome}${resumed ? " (resumed)" : ""}` },
      { title: "for", value: ({ due_at }) => due_at ?? "-" },
      { title: "missed before", value: ({ missed }) => missed, align: "right" },
      {
        title: "took s",
        value: ({ duration_ms }) => (duration_ms === null ? "-" : (duration_ms / 1_000).toFixed(1)),
        align: "right",
      },
      { title: "because", value: ({ because }) => because ?? "-" },
      { title: "output", value: ({ folder }) => folder ?? "-" },
    ],
    terminal,
  );
  const told = `Done: ${ok} ok, ${failed} failed${elsewhere === 0 ? "" : `, ${elsewhere} left to another runner`}`;
  const ids = (outcome: Result["outcome"]) => results.filter((one) => one.outcome === outcome).map(({ job }) => job);
  return {
    data: { jobs: results, ok, failed },
    text: results.length === 0 ? "Nothing is due." : `${drawn}\n${told}`,
    exit_code: failed === 0 ? EXIT.done : ok === 0 ? EXIT.check_failed : EXIT.partial,
    audit: { detail: Object.fromEntries(OUTCOMES.map((outcome) => [outcome, ids(outcome)])) },
  };
}

function byHand(job: Job, now_ms: number): Planned {
  return { job, run_id: newRunId(now_ms), due_ms: null, missed: 0, is_resumed: false };
}

/** Sorts by time, so that a job's last run is the last of its folders. */
function newRunId(now_ms: number): string {
  return `${new Date(now_ms).toISOString().replaceAll(/[-:.]/g, "")}-${randomBytes(4).toString("hex")}`;
}

function nothingNamed(): OpsError {
  return new OpsError(
    {
      op: "run",
      subject: "jobs",
      cause: "none is named",
      hint: "name some (npm run ops -- schedule list), or add --due",
    },
    { exit_code: EXIT.usage },
  );
}

const iso = (at_ms: number) => new Date(at_ms).toISOString();
const isoOrNull = (at_ms: number | null) => (at_ms === null ? null : iso(at_ms));
