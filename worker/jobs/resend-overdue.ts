/** What was left lying because its queue message was lost is announced again. */
import { OVERDUE_AFTER_MS, OVERDUE_BATCH_MAX } from "../limits.ts";
import { overdueDeferred } from "../store/deferred-writes.ts";
import { overdueParts } from "../store/jobs.ts";
import type { QueueMessage } from "../store/queue-messages.ts";
import { oldestOverdueOutbox } from "../vectors/settle.ts";
import type { Work } from "../work.ts";

/**
 * One outbox row is the probe: through a long outage of Vectorize or AI the queue carries one message a run, and the
 * first that succeeds draws the next after it (`consume.ts`).
 */
export async function resendOverdue(work: Work): Promise<void> {
  const { stores, now_ms } = work;
  const before_ms = now_ms - OVERDUE_AFTER_MS;
  const [outbox_id, parts, deferred] = await Promise.all([
    oldestOverdueOutbox(stores.db, before_ms),
    overdueParts(stores.db, before_ms, OVERDUE_BATCH_MAX),
    overdueDeferred(stores.packs, before_ms),
  ]);
  const messages: QueueMessage[] = [
    ...(outbox_id === null ? [] : [{ type: "settle", outbox_id, probe: true } as const]),
    ...parts.map((part): QueueMessage => ({ type: "ingest", ...part })),
    ...deferred.job_ids.map((job_id): QueueMessage => ({ type: "deferred", job_id })),
    ...deferred.answers.map((key): QueueMessage => ({ type: "answer", key })),
  ].slice(0, OVERDUE_BATCH_MAX);
  await work.enqueue(messages);
}
