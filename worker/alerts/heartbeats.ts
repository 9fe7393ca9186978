/** What heartbeats of jobs say about them now. Pure. */
import { HOUR_MS } from "../ground/time.ts";
import type { AlertConfiguration } from "./configuration.ts";
import type { Reading } from "./metrics.ts";

const S_MS = 1_000;
/** Jobs with alerts of their own. */
const BACKUP = "backup";

/** A job as its last heartbeats left it. */
export interface Job {
  job: string;
  /** `awaited`: configured as expected, and never heard of. */
  result: "start" | "success" | "fail" | "awaited";
  /** Of the last heartbeat; of one awaited, since when. */
  at_ms: number;
  /** Of the last run that ended. */
  duration_ms: number | null;
  succeeded_ms: number | null;
  /** The run that it was of, and the date that the run is for; null: whoever reported did not say. */
  run_id: string | null;
  due_ms: number | null;
  /** When the next heartbeat is due; null: whenever. */
  next_due_ms: number | null;
  grace_s: number;
}

export interface Heartbeat extends Pick<Job, "run_id" | "due_ms"> {
  result: "start" | "success" | "fail";
  /** When it happened: it may have waited while the service was down. */
  at_ms: number;
  duration_ms: number | null;
  next_due_ms: number | null;
  grace_s: number;
}

/** A job after a heartbeat. A start says when it should end: within its grace. */
export function afterHeartbeat(job: string, before: Job | null, beat: Heartbeat): Job {
  const { result, at_ms, duration_ms, next_due_ms, grace_s, run_id, due_ms } = beat;
  return {
    job,
    result,
    at_ms,
    duration_ms: duration_ms ?? before?.duration_ms ?? null,
    succeeded_ms: result === "success" ? at_ms : (before?.succeeded_ms ?? null),
    run_id,
    due_ms,
    next_due_ms: result === "start" ? at_ms : (next_due_ms ?? null),
    grace_s,
  };
}

/** Until when a run that has begun keeps others of its job from beginning; null where none runs. */
export function leaseUntil_ms({ result, at_ms, grace_s }: Job): number | null {
  return result === "start" ? at_ms + grace_s * S_MS : null;
}

/** For a date to come, which a clock that was ahead gave, nobody has run yet. */
function ranFor_ms({ due_ms, at_ms }: Job): number {
  return Math.min(due_ms ?? at_ms, at_ms);
}

/**
 * Why a heartbeat does not count, so that runners of several machines do a job once: another run has the job, or its date was run for. Who names
 * no run is not held to that. Null: it counts.
 */
export function refusalOf(before: Job | null, beat: Heartbeat): "running" | "done" | "older" | null {
  if (before === null || before.result === "awaited") return null;
  // Before its age: two machines that begin at once have clocks that differ, and whoever is second is refused, not passed over.
  if (beat.run_id !== null && beat.run_id !== before.run_id) {
    const isLeased = before.run_id !== null && beat.at_ms < (leaseUntil_ms(before) ?? 0);
    if (isLeased) return "running";
    const isRunFor = beat.due_ms !== null && (before.due_ms === beat.due_ms || ranFor_ms(before) >= beat.due_ms);
    if (beat.result === "start" && before.result !== "start" && isRunFor) return "done";
  }
  return beat.at_ms < before.at_ms ? "older" : null;
}

/** Jobs that the configuration expects and nobody has heard of; they are due from now on. */
export function awaitedJobs(configuration: AlertConfiguration | null, known: readonly Job[], now_ms: number): Job[] {
  return Object.entries(configuration?.expected_jobs ?? {})
    .filter(([name]) => !known.some(({ job }) => job === name))
    .map(([job, { every_h, grace_h }]) => ({
      job,
      result: "awaited",
      at_ms: now_ms,
      duration_ms: null,
      succeeded_ms: null,
      run_id: null,
      due_ms: null,
      next_due_ms: now_ms + every_h * HOUR_MS,
      grace_s: grace_h * (HOUR_MS / S_MS),
    }));
}

/** Seconds past its due time and grace; 0 in time. */
export function lateBy_s({ next_due_ms, grace_s }: Job, now_ms: number): number {
  return next_due_ms === null ? 0 : Math.max(0, Math.round((now_ms - next_due_ms) / S_MS - grace_s));
}

export function jobReadings(jobs: readonly Job[], now_ms: number): Reading[] {
  return jobs.flatMap((job): Reading[] => {
    const labels = { job: job.job };
    const reading = (metric: Reading["metric"], value: number, of: Reading["labels"]): Reading => ({
      metric,
      window_min: null,
      labels: of,
      value,
    });
    return [
      reading("job_late_s", lateBy_s(job, now_ms), labels),
      // While it runs again, the last end still counts: no reading keeps the alert as it is.
      ...(job.result === "success" || job.result === "fail"
        ? [reading("job_failed", job.result === "fail" ? 1 : 0, labels)]
        : []),
      ...(job.job === BACKUP && job.succeeded_ms !== null
        ? [reading("backup_age_h", (now_ms - job.succeeded_ms) / HOUR_MS, {})]
        : []),
    ];
  });
}
