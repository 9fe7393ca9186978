/** What the service is told of runs, and what it has heard. Its alert state is what runners of several machines agree by. */
import { z } from "zod";
import { isoOrNull } from "../../worker/ground/time.ts";
import { heartbeatList } from "../../worker/schemas/alerts.ts";
import { asOpsError } from "../command/errors.ts";
import type { Invocation } from "../command/invocation.ts";
import { bringReport, isNowhere, type ReportKind } from "../command/waiting-reports.ts";
import { WAITING_REPORT_TIMEOUT_MS } from "../limits.ts";
import { createClient } from "../service/client.ts";
import { nextDate_ms } from "./calendar.ts";
import type { LastRun } from "./due-rule.ts";
import type { Job } from "./job.ts";
import { measured } from "./measures.ts";

/** One run of a job. */
export interface Run {
  job: Job;
  run_id: string;
  /** The date it is for; null: by hand. */
  due_ms: number | null;
}

const instant = z.iso.datetime().nullable();

/** The body of `POST /api/v1/heartbeats/{job}` (`worker/schemas/alerts.ts`), with what it needs to wait. */
const heartbeat = z.strictObject({
  id: z.string(),
  at_ms: z.int(),
  job: z.string(),
  beat: z.strictObject({
    result: z.enum(["start", "success", "fail"]),
    at: instant,
    run_id: z.string(),
    due_at: instant,
    next_due_at: instant,
    grace_s: z.int(),
    duration_ms: z.number().nullable(),
    measures: measured.default({}),
  }),
});
type Heartbeat = z.infer<typeof heartbeat>;

const HEARTBEATS: ReportKind<Heartbeat> = {
  kind: "heartbeat",
  schema: heartbeat,
  request: ({ job, beat }) => ({ path: `/api/v1/heartbeats/${job}`, body: beat }),
  /** Another run has the job by now. */
  settled: [409],
};

/**
 * Takes a job for a run, on all machines that report to the service.
 * @returns `elsewhere`: another run has it, or was for this date. `alone`: the service gives no answer, so that nobody else knows.
 */
export async function claim(invocation: Invocation, run: Run): Promise<"taken" | "elsewhere" | "alone"> {
  const report = heartbeatOf(run, { result: "start", at_ms: invocation.now(), duration_ms: null, measures: {} });
  try {
    const { path, body } = HEARTBEATS.request(report);
    const { ok, status } = await (await serviceOf(invocation)).send("POST", path, body);
    if (ok) return "taken";
    if (status === 409) return "elsewhere";
    invocation.note(
      `The service does not take heartbeats (${status}): runners of other machines do not know of this run.`,
    );
  } catch (error) {
    const why = asOpsError(error).message;
    invocation.note(`The service does not answer (${why}): runners of other machines do not know of this run.`);
  }
  await bring(invocation, report);
  return "alone";
}

type End = Pick<Heartbeat["beat"], "result" | "duration_ms" | "measures"> & { at_ms: number };

/** Reports how a run ended. Never throws: what was done is done. */
export function reportEnd(invocation: Invocation, run: Run, end: End & { result: "success" | "fail" }): Promise<void> {
  return bring(invocation, heartbeatOf(run, end));
}

async function bring(invocation: Invocation, report: Heartbeat): Promise<void> {
  try {
    await bringReport(invocation, HEARTBEATS, report);
  } catch (error) {
    const fate = isNowhere(error) ? "is lost" : "waits on this machine for the next run";
    invocation.note(`A heartbeat ${fate}: ${asOpsError(error).message}`);
  }
}

function heartbeatOf({ job, run_id, due_ms }: Run, { result, at_ms, duration_ms, measures }: End): Heartbeat {
  // A run that is tried for another time than now is expected again by the clock, not by that time.
  const next_ms = nextDate_ms(job.cron, at_ms);
  const isStart = result === "start";
  return {
    id: `${run_id}-${result}`,
    at_ms,
    job: job.id,
    beat: {
      result,
      at: isoOrNull(at_ms),
      run_id,
      due_at: isoOrNull(due_ms),
      next_due_at: isStart ? null : isoOrNull(next_ms),
      grace_s: isStart ? job.time_limit_s : job.grace_s,
      duration_ms,
      measures,
    },
  };
}

/** Last runs that the service has heard of, by job; null where it gives no answer. */
export async function heardRuns(invocation: Invocation): Promise<Map<string, LastRun> | null> {
  const ms = (at: string | null) => (at === null ? null : Date.parse(at));
  try {
    const { jobs } = await (await serviceOf(invocation)).get("/api/v1/heartbeats", heartbeatList);
    return new Map(
      jobs.flatMap(({ job, result, at, run_id, due_at, lease_until }): [string, LastRun][] =>
        result === "awaited"
          ? []
          : [[job, { run_id, result, due_ms: ms(due_at), at_ms: Date.parse(at), lease_until_ms: ms(lease_until) }]],
      ),
    );
  } catch (error) {
    invocation.note(`What other machines ran is not known: ${asOpsError(error).message}`);
    return null;
  }
}

/** A dead service must not hold the schedule up. */
async function serviceOf(invocation: Invocation) {
  const signal = AbortSignal.any([invocation.signal, AbortSignal.timeout(WAITING_REPORT_TIMEOUT_MS)]);
  const { url, secret } = await (await invocation.target()).service();
  return createClient({ url, token: secret, signal, timeout_ms: WAITING_REPORT_TIMEOUT_MS / 2 });
}
