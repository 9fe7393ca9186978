/** Cron: only looks for what was left lying and enqueues it; the work is done by queue messages. */
import { CRONS } from "../../infra/inventory.ts";
import type { Env } from "../env.ts";
import { IDEMPOTENCY_LIFETIME_MS, OVERDUE_AFTER_MS, OVERDUE_BATCH_MAX } from "../limits.ts";
import { overdueParts } from "../store/jobs.ts";
import { oldestOverdueOutbox } from "../store/vectors.ts";
import { collectPacks } from "./collect-packs.ts";
import type { QueueMessage } from "./messages.ts";

export async function runSchedule(cron: string, env: Env, now_ms: number): Promise<void> {
  if (cron === CRONS.worker.checks) await resendOverdue(env, now_ms);
  if (cron === CRONS.worker.daily) {
    await collectPacks(env, now_ms);
    await env.DB.prepare("DELETE FROM idempotency WHERE created_at_ms < ?1")
      .bind(now_ms - IDEMPOTENCY_LIFETIME_MS)
      .run();
  }
}

/**
 * One outbox row is the probe: through a long outage of Vectorize or AI the queue carries one message a run, and the
 * first that succeeds draws the next after it (`consume.ts`).
 */
async function resendOverdue(env: Env, now_ms: number): Promise<void> {
  const before_ms = now_ms - OVERDUE_AFTER_MS;
  const [outbox_id, parts] = await Promise.all([
    oldestOverdueOutbox(env.DB, before_ms),
    overdueParts(env.DB, before_ms, OVERDUE_BATCH_MAX),
  ]);
  const messages: QueueMessage[] = [
    ...(outbox_id === null ? [] : [{ type: "settle", outbox_id, probe: true } as const]),
    ...parts.map((part): QueueMessage => ({ type: "ingest", ...part })),
  ];
  if (messages.length > 0) await env.INGEST_QUEUE.sendBatch(messages.map((body) => ({ body })));
}
