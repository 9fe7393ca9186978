/** Cron: only looks for what was left lying and enqueues it; the work is done by queue messages. */
import { CRONS } from "../../infra/inventory.ts";
import type { Env } from "../env.ts";
import { IDEMPOTENCY_LIFETIME_MS, OVERDUE_AFTER_MS, OVERDUE_BATCH_MAX } from "../limits.ts";
import { overdueDeferred } from "../store/deferred-writes.ts";
import { isFenced } from "../store/fence.ts";
import { overdueParts } from "../store/jobs.ts";
import type { QueueMessage } from "../store/queue-messages.ts";
import { lineStart, serialiseLine, writeLine } from "../telemetry/log.ts";
import { oldestOverdueOutbox } from "../vectors/settle.ts";
import { collectPacks } from "./collect-packs.ts";

export async function runSchedule(cron: string, env: Env, now_ms: number): Promise<void> {
  if (cron === CRONS.worker.checks) await resendOverdue(env, now_ms);
  if (cron !== CRONS.worker.daily) return;
  try {
    await collectPacks(env, now_ms);
    await env.DB.prepare("DELETE FROM idempotency WHERE created_at_ms < ?1")
      .bind(now_ms - IDEMPOTENCY_LIFETIME_MS)
      .run();
  } catch (error) {
    if (!isFenced(error)) throw error;
    // What is collected a day later has harmed nobody.
    writeLine("INFO", serialiseLine(env, lineStart(env, "INFO", "daily cleaning left out: a write fence is up")));
  }
}

/**
 * One outbox row is the probe: through a long outage of Vectorize or AI the queue carries one message a run, and the
 * first that succeeds draws the next after it (`consume.ts`).
 */
async function resendOverdue(env: Env, now_ms: number): Promise<void> {
  const before_ms = now_ms - OVERDUE_AFTER_MS;
  const [outbox_id, parts, deferred] = await Promise.all([
    oldestOverdueOutbox(env.DB, before_ms),
    overdueParts(env.DB, before_ms, OVERDUE_BATCH_MAX),
    overdueDeferred(env.VECTOR_PACKS, before_ms),
  ]);
  const messages: QueueMessage[] = [
    ...(outbox_id === null ? [] : [{ type: "settle", outbox_id, probe: true } as const]),
    ...parts.map((part): QueueMessage => ({ type: "ingest", ...part })),
    ...deferred.job_ids.map((job_id): QueueMessage => ({ type: "deferred", job_id })),
    ...deferred.answers.map((key): QueueMessage => ({ type: "answer", key })),
  ].slice(0, OVERDUE_BATCH_MAX);
  if (messages.length > 0) await env.INGEST_QUEUE.sendBatch(messages.map((body) => ({ body })));
}
