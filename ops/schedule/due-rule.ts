/**
 * What is due, from the jobs, their last runs and the moment. Pure.
 *
 * However many dates of a job went by without a run, one run makes up for them. A job that never ran is expected from its next date on, or
 * from one that is not missed yet. One that failed is not tried again by itself: it is an alert, and somebody looks.
 */
import { CLOCK_SKEW_MAX_MS } from "../limits.ts";
import { datesBetween_ms, lastDate_ms } from "./calendar.ts";
import { inOrder, type Job } from "./job.ts";

/** A job's last run, from the records of this machine or what the service has heard. */
export interface LastRun {
  run_id: string | null;
  result: "start" | "success" | "fail";
  /** The date it was for; null: somebody ran it by hand. */
  due_ms: number | null;
  /** Its last news. */
  at_ms: number;
  /** While it runs: until when it may, and nobody else. In the past, or null where its process is known to be gone: it was killed. */
  lease_until_ms: number | null;
}

/**
 * `new`: never ran and is not due. `waits`: the next date is to come. `failed`: the same, and the last run failed. `late`: due for longer
 * than its grace. `unfinished`: a run was killed that must not simply be repeated.
 */
export const STATES = ["new", "waits", "failed", "due", "late", "running", "unfinished"] as const;

export interface JobState {
  job: Job;
  state: (typeof STATES)[number];
  last: LastRun | null;
  /** The date that a run now is for; null where none is due. */
  due_ms: number | null;
  /** Dates before it that nobody ran it for. */
  missed: number;
  /** The killed run that a run now goes on with. */
  resumes: string | null;
}

export function stateOf(job: Job, last: LastRun | null, now_ms: number): JobState {
  const date_ms = lastDate_ms(job.cron, now_ms);
  const state = { job, last, due_ms: null, missed: 0, resumes: null };
  const isOver = (due_ms: number) => now_ms > due_ms + job.grace_s * 1_000;
  const due = (due_ms: number, missed: number, resumes: string | null): JobState => ({
    ...state,
    state: isOver(due_ms) ? "late" : "due",
    due_ms,
    missed,
    resumes,
  });
  const for_ms = last && ranFor_ms(last, now_ms);
  if (last === null || for_ms === null)
    return date_ms === null || isOver(date_ms) ? { ...state, state: "new" } : due(date_ms, 0, null);
  if (last.result === "start" && last.lease_until_ms !== null && last.lease_until_ms > now_ms)
    return { ...state, state: "running" };
  if (date_ms !== null && date_ms > for_ms)
    return due(date_ms, datesBetween_ms(job.cron, for_ms, now_ms).length - 1, null);
  if (last.result === "start")
    return job.repeatable ? due(for_ms, 0, last.run_id) : { ...state, state: "unfinished", resumes: last.run_id };
  return { ...state, state: last.result === "fail" ? "failed" : "waits" };
}

/**
 * The date that a run was for; of a run by hand, and of one that somebody tried for a time to come, when it was: it is for whatever was due before.
 * Null where that is a time to come as well, which a clock that was ahead gave: it says nothing of the dates until now.
 */
export function ranFor_ms({ due_ms, at_ms }: LastRun, now_ms: number): number | null {
  return [due_ms, at_ms].find((ms) => ms !== null && ms <= now_ms + CLOCK_SKEW_MAX_MS) ?? null;
}

/** The runs that are due, in the order in which they may begin. */
export function dueRuns(
  jobs: readonly Job[],
  last: ReadonlyMap<string, LastRun>,
  now_ms: number,
): (JobState & { due_ms: number })[] {
  return inOrder(jobs).flatMap((job) => {
    const state = stateOf(job, last.get(job.id) ?? null, now_ms);
    return state.due_ms === null ? [] : [{ ...state, due_ms: state.due_ms }];
  });
}

/** Of what one knows of a job's last run and what another does, the newer as far as there is no telling that a clock was ahead. */
export function newerRun(one: LastRun | null, other: LastRun, now_ms: number): LastRun {
  if (one === null) return other;
  const forOf = (run: LastRun) => ranFor_ms(run, now_ms) ?? Number.NEGATIVE_INFINITY;
  return forOf(one) > forOf(other) ? one : other;
}
