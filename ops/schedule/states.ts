/** How every job stands, by what this machine remembers and what the service has heard. */
import type { Invocation } from "../command/invocation.ts";
import { type LastRun, newerRun } from "./due-rule.ts";
import { heardRuns } from "./heartbeats.ts";
import type { Job } from "./job.ts";
import { Records } from "./records.ts";

/** Last runs by job. A machine that is alone with its records says so. */
export async function lastRuns(invocation: Invocation, jobs: readonly Job[]): Promise<Map<string, LastRun>> {
  const records = new Records(invocation.data_dir, invocation.stack);
  const heard = await heardRuns(invocation);
  const now_ms = invocation.now();
  const last = new Map<string, LastRun>();
  for (const job of jobs) {
    const own = records.last(job, now_ms);
    const others = heard?.get(job.id);
    if (own !== null) last.set(job.id, own);
    // Of a run of this machine the record here says whether it lives.
    if (others !== undefined && others.run_id !== own?.run_id) last.set(job.id, newerRun(own, others, now_ms));
  }
  return last;
}
