/** Messages of a queue over HTTP: push, pull, acknowledge, peek, purge, metrics. */
import { Hono } from "hono";
import { z } from "zod";
import { QUEUE_BATCH_MESSAGES_MAX, QUEUE_VISIBILITY_MS } from "../../infra/cloudflare-limits.ts";
import type { Engine } from "../engine.ts";
import type { QueueRecord } from "../registry.ts";
import { ApiError, ok } from "./envelope.ts";
import type { QueueBroker } from "./queue-broker.ts";
import type { StoredMessage } from "./queue-store.ts";
import { checked, jsonBody } from "./request-body.ts";

const MALFORMED = 10_203;

const messageBody = z.union([
  z.object({ content_type: z.literal("text"), body: z.string(), delay_seconds: z.number().int().optional() }),
  z.object({
    content_type: z.literal("json").default("json"),
    body: z.unknown(),
    delay_seconds: z.number().int().optional(),
  }),
]);
const batchBody = z.object({ messages: z.array(messageBody).min(1), delay_seconds: z.number().int().optional() });
const pullBody = z.object({
  batch_size: z.number().int().min(1).max(QUEUE_BATCH_MESSAGES_MAX).default(5),
  visibility_timeout_ms: z.number().int().min(0).max(QUEUE_VISIBILITY_MS.max).optional(),
});
const ackBody = z.object({
  acks: z.array(z.object({ lease_id: z.string() })).default([]),
  retries: z.array(z.object({ lease_id: z.string(), delay_seconds: z.number().int().min(0).optional() })).default([]),
});
const purgeRefsBody = z.object({
  refs: z
    .array(z.object({ ref: z.string() }))
    .min(1)
    .max(100),
});
const purgeBody = z.object({ delete_messages_permanently: z.literal(true) });

export function queueMessageRoutes(engine: Engine, queue: (id: string) => QueueRecord, broker: QueueBroker): Hono {
  /** When each queue was last purged; only this process asks. */
  const purges = new Map<string, string>();
  const metrics = (id: string) => broker.store.backlog(id);

  return new Hono()
    .get("/queues/:id/metrics", (c) => ok(c, metrics(queue(c.req.param("id")).queue_id)))
    .post("/queues/:id/messages", async (c) => {
      const record = queue(c.req.param("id"));
      const backlog = broker.push(record, [newMessage(await jsonBody(c, messageBody, MALFORMED))]);
      return ok(c, { metadata: { metrics: backlog } });
    })
    .post("/queues/:id/messages/batch", async (c) => {
      const record = queue(c.req.param("id"));
      const { messages, delay_seconds } = await jsonBody(c, batchBody, MALFORMED);
      const backlog = broker.push(
        record,
        messages.map((one) => newMessage({ delay_seconds, ...one })),
      );
      return ok(c, { metadata: { metrics: backlog } });
    })
    .post("/queues/:id/messages/pull", async (c) => {
      const record = queue(c.req.param("id"));
      const consumer = record.consumers.find(({ type }) => type === "http_pull");
      if (!consumer) throw new ApiError(400, 0, "messages cannot be pulled unless http_pull mode is enabled");
      const { batch_size, visibility_timeout_ms } = await jsonBody(c, pullBody, MALFORMED);
      const lease_ms = visibility_timeout_ms ?? consumer.settings.visibility_timeout_ms ?? QUEUE_VISIBILITY_MS.default;
      const leased = broker.store.lease(record.queue_id, batch_size, lease_ms, engine.now());
      // A message that came back too often goes to the dead letters instead of out again.
      const { max_retries = 3 } = consumer.settings;
      const [spent, fresh] = [
        leased.filter(({ attempts }) => attempts > max_retries + 1),
        leased.filter(({ attempts }) => attempts <= max_retries + 1),
      ];
      for (const message of spent) broker.retry(record, consumer, message, undefined);
      const backlog = metrics(record.queue_id);
      return ok(c, {
        message_backlog_count: backlog.backlog_count,
        messages: fresh.map(pulled),
        metadata: { metrics: backlog },
      });
    })
    .post("/queues/:id/messages/peek", async (c) => {
      const { queue_id } = queue(c.req.param("id"));
      const text = await c.req.text();
      const { batch_size } = checked(text === "" ? {} : await jsonBody(c, pullBody, MALFORMED), pullBody, MALFORMED);
      const messages = broker.store.peek(queue_id, batch_size, engine.now());
      return ok(c, {
        messages: messages.map(({ lease_id: _, ...message }) => ({ ...shown(message), ref: message.id })),
      });
    })
    .post("/queues/:id/messages/ack", async (c) => {
      queue(c.req.param("id"));
      const { acks, retries } = await jsonBody(c, ackBody, MALFORMED);
      const { store } = broker;
      const warnings: Record<string, string> = {};
      const counted = (leases: { lease_id: string }[], act: (leaseId: string, index: number) => boolean) =>
        leases.filter(({ lease_id }, index) => {
          const done = act(lease_id, index);
          if (!done)
            warnings[lease_id] = "unknown lease: the message was acknowledged, or its visibility timeout passed";
          return done;
        }).length;
      const ackCount = counted(acks, (lease) => store.ack(lease));
      const retryCount = counted(retries, (lease, index) =>
        store.release(lease, engine.now() + (retries[index]?.delay_seconds ?? 0) * 1000),
      );
      return ok(c, { ackCount, retryCount, warnings });
    })
    .post("/queues/:id/messages/purge", async (c) => {
      const { queue_id } = queue(c.req.param("id"));
      const { refs } = await jsonBody(c, purgeRefsBody, MALFORMED);
      broker.store.purge(
        queue_id,
        refs.map(({ ref }) => ref),
      );
      return ok(c, { errors: [], warnings: {} });
    })
    .post("/queues/:id/purge", async (c) => {
      const record = queue(c.req.param("id"));
      await jsonBody(c, purgeBody, MALFORMED);
      broker.store.purge(record.queue_id);
      purges.set(record.queue_id, new Date(engine.now()).toISOString());
      return ok(c, record);
    })
    .get("/queues/:id/purge", (c) => {
      const started_at = purges.get(queue(c.req.param("id")).queue_id);
      return ok(c, started_at === undefined ? {} : { started_at, completed: started_at });
    });
}

function newMessage(message: { content_type: "text" | "json"; body?: unknown; delay_seconds?: number | undefined }) {
  const { content_type, body, delay_seconds } = message;
  const text = content_type === "text" ? String(body) : JSON.stringify(body ?? null);
  return { content_type, body: text, delay_s: delay_seconds };
}

/** Text comes as it is, JSON and bytes as base64. https://developers.cloudflare.com/queues/configuration/pull-consumers/ */
function shown({ id, content_type, body, timestamp_ms, attempts }: Omit<StoredMessage, "lease_id">) {
  return {
    id,
    body: content_type === "json" ? Buffer.from(body).toString("base64") : body,
    timestamp_ms,
    attempts,
    metadata: { "CF-Content-Type": content_type },
  };
}

function pulled(message: StoredMessage) {
  return { ...shown(message), lease_id: message.lease_id };
}
