/**
 * The queue consumer: every message is acknowledged or retried on its own, and doing one twice changes nothing.
 *
 * A message that keeps failing goes to the dead-letter queue, whose consumer keeps it in D1 and fails its job part.
 */
import { z } from "zod";
import { QUEUES } from "../../infra/inventory.ts";
import type { Env } from "../env.ts";
import type { DocumentInput } from "../ground/document.ts";
import { FENCE_RETRY_S, OVERDUE_AFTER_MS, RETRY_BACKOFF_BASE_S, RETRY_BACKOFF_MAX_S } from "../limits.ts";
import { ingest } from "../rag/ingest/ingest.ts";
import { isFenced } from "../store/fence.ts";
import { finishPart, NO_OUTCOME, openPart, recordDeadLetter, stagedKey } from "../store/jobs.ts";
import { type QueueMessage, queueMessage } from "../store/queue-messages.ts";
import { describeError, lineStart, serialiseLine, writeLine } from "../telemetry/log.ts";
import { oldestOverdueOutbox, settleFromStores, type VectorStores } from "../vectors/settle.ts";
import { applyAnswer, applyDeferred } from "./apply-deferred.ts";

const staged = z.array(z.custom<DocumentInput>((value) => typeof value === "object" && value !== null));

function storesOf(env: Env): VectorStores {
  return { db: env.DB, ai: env.AI, vectorize: env.VECTORIZE, packs: env.VECTOR_PACKS };
}

export async function consume(batch: MessageBatch<unknown>, env: Env, now_ms: number): Promise<void> {
  const dead = batch.queue.startsWith(QUEUES.dead.name);
  for (const message of batch.messages) {
    try {
      if (dead) await bury(message, batch.queue, env, now_ms);
      else await perform(queueMessage.parse(message.body), env, now_ms);
      message.ack();
    } catch (error) {
      if (isFenced(error)) {
        await waitForFence(message, dead, env);
        continue;
      }
      const fields = { queue: batch.queue, attempts: message.attempts, error: describeError(error) };
      writeLine("ERROR", serialiseLine(env, { ...lineStart(env, "ERROR", "queue message failed"), ...fields }));
      if (isProbe(message.body)) {
        message.ack();
        continue;
      }
      const delaySeconds = Math.min(RETRY_BACKOFF_BASE_S * 2 ** (message.attempts - 1), RETRY_BACKOFF_MAX_S);
      message.retry({ delaySeconds });
    }
  }
}

/**
 * A fence is no failure, so it must use up no attempt: the message is sent anew. Dead letters have attempts for days, and
 * their id, by which one is recorded once, must stay.
 */
async function waitForFence(message: Message<unknown>, dead: boolean, env: Env): Promise<void> {
  const delaySeconds = FENCE_RETRY_S;
  if (!dead) {
    const sent = await env.INGEST_QUEUE.send(message.body, { delaySeconds }).then(
      () => true,
      () => false,
    );
    if (sent) return message.ack();
  }
  message.retry({ delaySeconds });
}

async function perform(message: QueueMessage, env: Env, now_ms: number): Promise<void> {
  switch (message.type) {
    case "settle":
      await settleFromStores(storesOf(env), env.EMBEDDING_MODEL, message.outbox_id, now_ms);
      return message.probe ? sendNextProbe(env, now_ms) : undefined;
    case "deferred":
      return applyDeferred(env, storesOf(env), message.job_id, now_ms);
    case "answer":
      return applyAnswer(storesOf(env), message.key);
    case "ingest":
      return ingestPart(message.job_id, message.part, env, now_ms);
  }
}

function isProbe(body: unknown): boolean {
  const { data } = queueMessage.safeParse(body);
  return data?.type === "settle" && data.probe === true;
}

/** Vectorize took the probe, so the outage is over: the rows that piled up follow one by one. */
async function sendNextProbe(env: Env, now_ms: number): Promise<void> {
  const outbox_id = await oldestOverdueOutbox(env.DB, now_ms - OVERDUE_AFTER_MS);
  if (outbox_id === null) return;
  const next: QueueMessage = { type: "settle", outbox_id, probe: true };
  await env.INGEST_QUEUE.send(next);
}

async function ingestPart(job_id: string, part: number, env: Env, now_ms: number): Promise<void> {
  const open = await openPart(env.DB, job_id, part);
  if (!open) return;
  const key = stagedKey(job_id, part);
  const object = await env.VECTOR_PACKS.get(key);
  if (!object) throw new Error(`the documents of job ${job_id} part ${part} are missing from R2`);
  const documents = staged.parse(await object.json());
  const result = await ingest(storesOf(env), open.tenant, documents, {
    embedding_model: env.EMBEDDING_MODEL,
    now_ms,
    received_at_ms: open.created_at_ms,
  });
  if (result.pending_outbox_id) {
    const settle: QueueMessage = { type: "settle", outbox_id: result.pending_outbox_id };
    await env.INGEST_QUEUE.send(settle);
  }
  const count = (status: string) => result.documents.filter((document) => document.status === status).length;
  await finishPart(
    env.DB,
    job_id,
    part,
    "done",
    {
      created: count("created"),
      updated: count("updated"),
      unchanged: count("unchanged"),
      superseded: count("superseded"),
      failed: 0,
      rows_written: result.cost.rows_written,
      embedded_texts: result.cost.embedded_texts,
      errors: [],
    },
    now_ms,
  );
  await env.VECTOR_PACKS.delete(key);
}

async function bury(message: Message<unknown>, queue: string, env: Env, now_ms: number): Promise<void> {
  const parsed = queueMessage.safeParse(message.body);
  // What Vectorize is owed stays in the outbox and is probed by cron: a letter would only say so once more.
  if (parsed.data?.type === "settle") return;
  const body = JSON.stringify(message.body);
  await recordDeadLetter(env.DB, { id: message.id, queue, body, attempts: message.attempts, failed_at_ms: now_ms });
  if (parsed.data?.type !== "ingest") return;
  const { job_id, part } = parsed.data;
  const documents = await env.VECTOR_PACKS.get(stagedKey(job_id, part));
  const ids = documents ? staged.parse(await documents.json()).map(({ id }) => id) : [];
  const detail = "could not be ingested after several tries; the message is kept as a dead letter and can be replayed";
  await finishPart(
    env.DB,
    job_id,
    part,
    "failed",
    { ...NO_OUTCOME, failed: ids.length, errors: ids.map((id) => ({ id, detail })) },
    now_ms,
  );
}
