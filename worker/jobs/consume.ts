/**
 * The queue consumer: every message is a unit of work, acknowledged or retried on its own, and doing one twice changes
 * nothing.
 *
 * A message that keeps failing goes to the dead-letter queue, whose consumer keeps it in D1 and fails its job part.
 */
import { QUEUES } from "../../infra/inventory.ts";
import { append } from "../audit/append.ts";
import type { Env } from "../env.ts";
import {
  BREAKER_OPEN_MS,
  FENCE_RETRY_S,
  OVERDUE_AFTER_MS,
  RETRY_BACKOFF_BASE_S,
  RETRY_BACKOFF_MAX_S,
} from "../limits.ts";
import { applyAnswer, applyDeferred } from "../operations/apply-deferred.ts";
import { CircuitOpen } from "../store/breaker.ts";
import { isFenced } from "../store/fence.ts";
import { recordDeadLetter } from "../store/jobs.ts";
import { type QueueMessage, queueMessage } from "../store/queue-messages.ts";
import { conclude } from "../telemetry/sink.ts";
import type { Ending } from "../telemetry/unit.ts";
import { embeddingModel } from "../vectors/models.ts";
import { oldestOverdueOutbox, settleFromStores } from "../vectors/settle.ts";
import { Work } from "../work.ts";
import { failPart, ingestPart } from "./ingest-part.ts";

export async function consume(batch: MessageBatch<unknown>, env: Env, context: ExecutionContext): Promise<void> {
  const dead = batch.queue.startsWith(QUEUES.dead.name);
  for (const message of batch.messages) {
    const { data: content } = queueMessage.safeParse(message.body);
    const work = new Work("message", env, context, {
      request_id: message.id,
      now_ms: Date.now(),
      traceparent: content?.traceparent,
    });
    const ended = await attempt(work, message, dead, async () =>
      dead ? bury(work, message, batch.queue, content) : perform(work, content ?? queueMessage.parse(message.body)),
    );
    const endpoint = `${dead ? "dead-letters" : "queue"}/${content?.type ?? "unknown"}`;
    work.later(conclude(work, { endpoint, attempts: message.attempts, ...ended }));
  }
}

/** Does what a message asks for, acknowledges it or has it sent again, and tells how it ended. Never throws. */
async function attempt(
  work: Work,
  message: Message<unknown>,
  dead: boolean,
  act: () => Promise<void>,
): Promise<Pick<Ending, "outcome" | "error">> {
  try {
    await act();
    message.ack();
    return { outcome: "done" };
  } catch (error) {
    if (isFenced(error)) {
      await waitForFence(work, message, dead);
      return { outcome: "waits" };
    }
    if (error instanceof CircuitOpen) {
      // Nothing was tried, so not even a probe has its answer.
      message.retry({ delaySeconds: BREAKER_OPEN_MS / 1000 });
      return { outcome: "waits", error };
    }
    const delaySeconds = Math.min(RETRY_BACKOFF_BASE_S * 2 ** (message.attempts - 1), RETRY_BACKOFF_MAX_S);
    if (isProbe(message.body)) message.ack();
    else message.retry({ delaySeconds });
    return { outcome: "failed", error };
  }
}

/**
 * A fence is no failure, so it must use up no attempt: the message is sent anew. Dead letters have attempts for days, and
 * their id, by which one is recorded once, must stay.
 */
async function waitForFence({ env }: Work, message: Message<unknown>, dead: boolean): Promise<void> {
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

async function perform(work: Work, message: QueueMessage): Promise<void> {
  switch (message.type) {
    case "settle":
      await settleFromStores(work.stores, embeddingModel(work.env), message.outbox_id, work.now_ms);
      return message.probe ? sendNextProbe(work) : undefined;
    case "deferred":
      return applyDeferred(work, message.job_id);
    case "answer":
      return applyAnswer(work, message.key);
    case "ingest":
      return ingestPart(work, message.job_id, message.part);
    case "audit":
      await append(work, message.entry);
      return;
    case "ping":
      return;
  }
}

function isProbe(body: unknown): boolean {
  const { data } = queueMessage.safeParse(body);
  return data?.type === "settle" && data.probe === true;
}

/** Vectorize took the probe, so the outage is over: the rows that piled up follow one by one. */
async function sendNextProbe(work: Work): Promise<void> {
  const outbox_id = await oldestOverdueOutbox(work.stores.db, work.now_ms - OVERDUE_AFTER_MS);
  if (outbox_id !== null) await work.enqueue([{ type: "settle", outbox_id, probe: true }]);
}

async function bury(
  work: Work,
  message: Message<unknown>,
  queue: string,
  content: QueueMessage | undefined,
): Promise<void> {
  // What Vectorize is owed stays in the outbox and is probed by cron: a letter would only say so once more.
  if (content?.type === "settle" || content?.type === "ping") return;
  const { id, attempts } = message;
  const body = JSON.stringify(message.body);
  await recordDeadLetter(work.stores.db, { id, queue, body, attempts, failed_at_ms: work.now_ms });
  if (content?.type === "ingest") await failPart(work, content.job_id, content.part);
}
