/** Jobs: how far a batch or a deferred write is. */
import { Problem } from "../ground/problem.ts";
import { readDeferredJob } from "../store/deferred-writes.ts";
import { readJob } from "../store/jobs.ts";
import type { Work } from "../work.ts";

/** A job of the tenant. Throws a `not-found` problem. */
export async function findJob(work: Work, id: string) {
  const { db, packs } = work.stores;
  const { tenant } = work.caller;
  // A deferred write moves from R2 to D1 when it is applied, perhaps between two looks.
  const status =
    (await readJob(db, tenant, id)) ?? (await readDeferredJob(packs, tenant, id)) ?? (await readJob(db, tenant, id));
  if (!status) throw new Problem("not-found", `There is no job ${id}.`);
  const { rows_written, embedded_texts, created_at_ms, finished_at_ms, ...rest } = status;
  return {
    ...rest,
    cost: { rows_written, embedded_texts },
    created_at: new Date(created_at_ms).toISOString(),
    finished_at: finished_at_ms === null ? null : new Date(finished_at_ms).toISOString(),
  };
}
