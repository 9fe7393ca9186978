/**
 * Delivers the messages of the local queues to their Worker consumers, as Cloudflare does: batches by size or
 * waiting time, retries with delay, dead letters, pauses, retention, and a bound on concurrent batches.
 *
 * At least once: a message leaves the store only when the consumer acknowledged it. `platform.ts` composes it with
 * the store, the registry and a `deliver` that reaches the script's live version.
 */
import {
  QUEUE_BATCH_BYTES_MAX,
  QUEUE_BATCH_MESSAGES_MAX,
  QUEUE_CONSUMER_DEFAULTS,
  QUEUE_DELAY_MAX_S,
  QUEUE_MESSAGE_BYTES_MAX,
  QUEUE_RETENTION_S,
} from "../../infra/cloudflare-limits.ts";
import { QUEUE_TICK_MS } from "../limits.ts";
import type { QueueConsumerRecord, QueueRecord, Registry } from "../registry.ts";
import { ApiError, notFound } from "./envelope.ts";
import { type Backlog, messageBytes, type NewMessage, type QueueStore, type StoredMessage } from "./queue-store.ts";

/** A message as a Worker's queue handler takes it. */
export interface DeliveredMessage {
  id: string;
  timestamp: Date;
  body: unknown;
  attempts: number;
}
/** What workerd reports of a queue event (`FetcherQueueResult`). */
export interface DeliveryResult {
  outcome: string;
  ackAll: boolean;
  retryBatch: { retry: boolean; delaySeconds?: number };
  explicitAcks: string[];
  retryMessages: { msgId: string; delaySeconds?: number }[];
}
/** Invokes the queue handler of a script's live version. Throws when no Worker could be reached, `ABORT_ERR` when none answered in time. */
export type Deliver = (scriptName: string, queueName: string, messages: DeliveredMessage[]) => Promise<DeliveryResult>;

export class QueueBroker {
  readonly store: QueueStore;
  readonly #registry: Registry;
  readonly #deliver: Deliver;
  readonly #now: () => number;
  readonly #timer: NodeJS.Timeout;
  #closing = false;
  /** Batches that are out, for each queue. */
  readonly #running = new Map<string, Set<Promise<void>>>();

  constructor(deps: { registry: Registry; store: QueueStore; deliver: Deliver; now: () => number }) {
    this.store = deps.store;
    this.#registry = deps.registry;
    this.#deliver = deps.deliver;
    this.#now = deps.now;
    for (const { queue_id } of this.#registry.list("queue")) this.store.releaseAll(queue_id, this.#now());
    this.#timer = setInterval(() => this.dispatch(), QUEUE_TICK_MS).unref();
  }

  /** The queue named `name`. @throws ApiError 404, code 11000. */
  queueNamed(name: string): QueueRecord {
    return (
      this.#registry.list("queue").find(({ queue_name }) => queue_name === name) ??
      notFound(11000, `The queue ${name} does not exist.`)
    );
  }

  /** Stores messages and lets them be delivered. @throws ApiError when a limit of Queues is broken; then none is stored. */
  push(
    queue: QueueRecord,
    messages: readonly (Omit<NewMessage, "delay_s"> & { delay_s?: number | undefined })[],
  ): Backlog {
    refuseBeyondLimits(messages);
    const delayed = messages.map((one) => ({ ...one, delay_s: one.delay_s ?? queue.settings.delivery_delay ?? 0 }));
    this.store.push(queue.queue_id, delayed, this.#now());
    setImmediate(() => this.dispatch());
    return this.store.backlog(queue.queue_id);
  }

  /** Starts every batch that is due. Runs on a timer and after each push; tests call it to save the wait. */
  dispatch(): void {
    if (this.#closing) return;
    for (const queue of this.#registry.list("queue")) {
      const retention_s = queue.settings.message_retention_period ?? QUEUE_RETENTION_S.default;
      this.store.expire(queue.queue_id, this.#now() - retention_s * 1000);
      const consumer = queue.consumers.find(({ type }) => type === "worker");
      if (consumer?.script_name && !queue.settings.delivery_paused)
        this.#startDue(queue, consumer, consumer.script_name);
    }
  }

  /** Waits for the batches that are out. */
  async settled(): Promise<void> {
    while ([...this.#running.values()].some(({ size }) => size > 0))
      await Promise.all([...this.#running.values()].flatMap((batches) => [...batches]));
  }

  /** Ends deliveries and closes the store. */
  async close(): Promise<void> {
    this.#closing = true;
    clearInterval(this.#timer);
    await this.settled();
    this.store.close();
  }

  #startDue(queue: QueueRecord, consumer: QueueConsumerRecord, script: string): void {
    const { batch_size, max_wait_time_ms } = { ...QUEUE_CONSUMER_DEFAULTS, ...consumer.settings };
    const running = this.#running.get(queue.queue_id) ?? new Set();
    this.#running.set(queue.queue_id, running);
    while (running.size < (consumer.settings.max_concurrency ?? 1)) {
      const waiting = this.store.waiting(queue.queue_id, this.#now());
      if (!waiting) return;
      if (waiting.count < batch_size && this.#now() - waiting.since_ms < max_wait_time_ms) return;
      // Whoever sets the clock forward takes nothing from a Worker that has it: a delivery ends by its answer, or with this process.
      const messages = this.store.lease(queue.queue_id, batch_size, Number.POSITIVE_INFINITY, this.#now());
      const batch = this.#runBatch(queue, consumer, script, messages).finally(() => {
        running.delete(batch);
        this.dispatch();
      });
      running.add(batch);
    }
  }

  async #runBatch(
    queue: QueueRecord,
    consumer: QueueConsumerRecord,
    script: string,
    messages: StoredMessage[],
  ): Promise<void> {
    let result: DeliveryResult;
    try {
      result = await this.#deliver(script, queue.queue_name, messages.map(delivered));
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      for (const message of messages) {
        if (code === "ABORT_ERR") this.retry(queue, consumer, message, undefined);
        // No Worker there, e.g. between two deployments: nobody saw the messages, so no attempt is counted.
        else this.store.release(message.lease_id, this.#now() + 1000, true);
      }
      return;
    }
    const acked = new Set(result.explicitAcks);
    const retried = new Map(result.retryMessages.map(({ msgId, delaySeconds }) => [msgId, delaySeconds]));
    const retryRest = result.outcome !== "ok" || result.retryBatch.retry;
    for (const message of messages) {
      if (!retried.has(message.id) && (acked.has(message.id) || !retryRest)) this.store.ack(message.lease_id);
      else this.retry(queue, consumer, message, retried.get(message.id) ?? result.retryBatch.delaySeconds);
    }
  }

  /** Gives a delivered message back, or to the dead-letter queue when its retries are spent. */
  retry(queue: QueueRecord, consumer: QueueConsumerRecord, message: StoredMessage, delay_s: number | undefined): void {
    const { max_retries, retry_delay } = { ...QUEUE_CONSUMER_DEFAULTS, retry_delay: 0, ...consumer.settings };
    if (message.attempts <= max_retries) {
      this.store.release(message.lease_id, this.#now() + (delay_s ?? retry_delay) * 1000);
      return;
    }
    const dead = this.#registry.list("queue").find(({ queue_name }) => queue_name === consumer.dead_letter_queue);
    this.store.move(message.lease_id, dead && dead.queue_id !== queue.queue_id ? dead.queue_id : null, this.#now());
  }
}

function refuseBeyondLimits(
  messages: readonly (Omit<NewMessage, "delay_s"> & { delay_s?: number | undefined })[],
): void {
  if (messages.length > QUEUE_BATCH_MESSAGES_MAX)
    throw new ApiError(413, 10206, `a batch has at most ${QUEUE_BATCH_MESSAGES_MAX} messages, got ${messages.length}`);
  const sizes = messages.map(messageBytes);
  const largest = Math.max(0, ...sizes);
  if (largest > QUEUE_MESSAGE_BYTES_MAX)
    throw new ApiError(413, 10205, `message length of ${largest} bytes exceeds limit of ${QUEUE_MESSAGE_BYTES_MAX}`);
  const total = sizes.reduce((sum, size) => sum + size, 0);
  if (messages.length > 1 && total > QUEUE_BATCH_BYTES_MAX)
    throw new ApiError(413, 10206, `batch size of ${total} bytes exceeds limit of ${QUEUE_BATCH_BYTES_MAX}`);
  const delay = messages.find(({ delay_s = 0 }) => !(delay_s >= 0 && delay_s <= QUEUE_DELAY_MAX_S));
  if (delay) throw new ApiError(400, 10202, `a delay is 0 to ${QUEUE_DELAY_MAX_S} seconds, got ${delay.delay_s}`);
}

function delivered({ id, content_type, body, timestamp_ms, attempts }: StoredMessage): DeliveredMessage {
  const value =
    content_type === "json" ? JSON.parse(body) : content_type === "bytes" ? Buffer.from(body, "base64") : body;
  return { id, timestamp: new Date(timestamp_ms), body: value, attempts };
}
