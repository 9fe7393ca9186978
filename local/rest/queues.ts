/** Queues and their consumers. Messages have a file of their own. */
import { randomBytes } from "node:crypto";
import { type Context, Hono } from "hono";
import { z } from "zod";
import {
  QUEUE_BATCH_MESSAGES_MAX,
  QUEUE_DELAY_MAX_S,
  QUEUE_RETENTION_S,
  QUEUE_VISIBILITY_MS,
} from "../../infra/cloudflare-limits.ts";
import type { Engine } from "../engine.ts";
import type { QueueConsumerRecord, QueueRecord } from "../registry.ts";
import { ApiError, notFound, ok } from "./envelope.ts";
import type { QueueBroker } from "./queue-broker.ts";
import { queueMessageRoutes } from "./queue-messages.ts";
import { jsonBody } from "./request-body.ts";

/** Queues' code for a request it cannot read. */
const QUEUES_MALFORMED = 100_009;

const delay = z.number().int().min(0).max(QUEUE_DELAY_MAX_S);
const name = z.string().regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, "1 to 63 lowercase letters, digits and dashes");
const changeBody = z.object({
  queue_name: name.optional(),
  settings: z
    .object({
      delivery_delay: delay.optional(),
      delivery_paused: z.boolean().optional(),
      message_retention_period: z.number().int().min(QUEUE_RETENTION_S.min).max(QUEUE_RETENTION_S.max).optional(),
    })
    .optional(),
});
const shared = {
  batch_size: z.number().int().min(1).max(QUEUE_BATCH_MESSAGES_MAX).optional(),
  max_retries: z.number().int().min(0).max(100).optional(),
  retry_delay: delay.optional(),
};
const consumerBody = z.discriminatedUnion("type", [
  z.object({
    type: z.literal("worker"),
    script_name: z.string(),
    dead_letter_queue: z.string().optional(),
    settings: z
      .object({
        ...shared,
        max_concurrency: z
          .number()
          .int()
          .min(1)
          .max(250)
          .nullish()
          .transform((value) => value ?? undefined),
        max_wait_time_ms: z.number().int().min(0).max(60_000).optional(),
      })
      .prefault({}),
  }),
  z.object({
    type: z.literal("http_pull"),
    dead_letter_queue: z.string().optional(),
    settings: z
      .object({ ...shared, visibility_timeout_ms: z.number().int().min(0).max(QUEUE_VISIBILITY_MS.max).optional() })
      .default({}),
  }),
]);

/** Routes below `/accounts/:account_id`. */
export function queueRoutes(engine: Engine, broker: QueueBroker): Hono {
  const { registry } = engine;
  const timestamp = () => new Date(engine.now()).toISOString();
  const queue = (id: string) => registry.get("queue", id) ?? notFound(11000, `The queue ${id} does not exist.`);
  const save = (record: QueueRecord): QueueRecord => {
    const saved = { ...record, modified_on: timestamp() };
    registry.put("queue", record.queue_id, saved);
    return saved;
  };
  const shown = (record: QueueRecord) => {
    const producers = registry
      .list("script")
      .filter(({ id }) => {
        const live = registry.list("deployment").findLast(({ script_name }) => script_name === id);
        return live?.versions.some(({ version_id }) =>
          registry
            .get("version", version_id)
            ?.bindings.some((one) => one.type === "queue" && one.queue_name === record.queue_name),
        );
      })
      .map(({ id }) => ({ type: "worker", script: id }));
    const settings = { delivery_delay: 0, delivery_paused: false, message_retention_period: QUEUE_RETENTION_S.default };
    return {
      ...record,
      settings: { ...settings, ...record.settings },
      producers,
      producers_total_count: producers.length,
      consumers: record.consumers.map((consumer) => ({
        queue_name: record.queue_name,
        ...consumer,
        // wrangler looks for a consumer by this name of its script.
        ...(consumer.script_name === undefined ? {} : { script: consumer.script_name }),
      })),
      consumers_total_count: record.consumers.length,
    };
  };
  const refuseTakenName = (taken: string, except?: string) => {
    if (registry.list("queue").some(({ queue_name, queue_id }) => queue_name === taken && queue_id !== except))
      throw new ApiError(
        409,
        11009,
        `Queue name '${taken}' is already taken. Please use a different name and try again.`,
      );
  };
  const change = async (c: Context, id: string) => {
    const record = queue(id);
    const { queue_name = record.queue_name, settings } = await jsonBody(c, changeBody, QUEUES_MALFORMED);
    refuseTakenName(queue_name, id);
    return ok(c, shown(save({ ...record, queue_name, settings: { ...record.settings, ...settings } })));
  };
  const consumer = (record: QueueRecord, id: string) =>
    record.consumers.find(({ consumer_id }) => consumer_id === id) ??
    notFound(11002, `The queue ${record.queue_name} has no consumer ${id}.`);
  const readConsumer = async (c: Context) => {
    const body = await jsonBody(c, consumerBody, QUEUES_MALFORMED);
    if (body.type === "worker" && !registry.get("script", body.script_name))
      throw new ApiError(404, 10007, "This Worker does not exist on your account.");
    if (body.dead_letter_queue) broker.queueNamed(body.dead_letter_queue);
    return body;
  };

  return new Hono()
    .get("/queues", (c) => {
      // wrangler looks a queue up by its name, and acts on the first that it is shown.
      const wanted = c.req.query("name");
      const records = registry
        .list("queue")
        .map(shown)
        .filter(({ queue_name }) => wanted === undefined || queue_name === wanted);
      const total = records.length;
      return ok(c, records, {
        result_info: { page: 1, per_page: 100, count: total, total_count: total, total_pages: 1 },
      });
    })
    .post("/queues", async (c) => {
      const { queue_name } = await jsonBody(c, z.object({ queue_name: name }), QUEUES_MALFORMED);
      refuseTakenName(queue_name);
      const now = timestamp();
      const record = {
        queue_id: randomBytes(16).toString("hex"),
        queue_name,
        created_on: now,
        modified_on: now,
        settings: {},
        consumers: [],
      };
      return ok(c, shown(save(record)));
    })
    .get("/queues/:id", (c) => ok(c, shown(queue(c.req.param("id")))))
    .put("/queues/:id", (c) => change(c, c.req.param("id")))
    .patch("/queues/:id", (c) => change(c, c.req.param("id")))
    .delete("/queues/:id", (c) => {
      const { queue_id } = queue(c.req.param("id"));
      registry.delete("queue", queue_id);
      broker.store.purge(queue_id);
      return ok(c, null);
    })
    .get("/queues/:id/consumers", (c) => ok(c, shown(queue(c.req.param("id"))).consumers))
    .post("/queues/:id/consumers", async (c) => {
      const record = queue(c.req.param("id"));
      if (record.consumers.length > 0)
        throw new ApiError(
          409,
          11004,
          `Queue '${record.queue_name}' already has a consumer: update or delete it first.`,
        );
      const created: QueueConsumerRecord = {
        consumer_id: randomBytes(16).toString("hex"),
        created_on: timestamp(),
        ...(await readConsumer(c)),
      };
      save({ ...record, consumers: [created] });
      return ok(c, { queue_name: record.queue_name, ...created });
    })
    .get("/queues/:id/consumers/:consumer", (c) => {
      const record = queue(c.req.param("id"));
      return ok(c, { queue_name: record.queue_name, ...consumer(record, c.req.param("consumer")) });
    })
    .put("/queues/:id/consumers/:consumer", async (c) => {
      const record = queue(c.req.param("id"));
      const { consumer_id, created_on } = consumer(record, c.req.param("consumer"));
      const updated: QueueConsumerRecord = { consumer_id, created_on, ...(await readConsumer(c)) };
      save({ ...record, consumers: [updated] });
      return ok(c, { queue_name: record.queue_name, ...updated });
    })
    .delete("/queues/:id/consumers/:consumer", (c) => {
      const record = queue(c.req.param("id"));
      const { consumer_id } = consumer(record, c.req.param("consumer"));
      save({ ...record, consumers: record.consumers.filter((one) => one.consumer_id !== consumer_id) });
      return ok(c, null);
    })
    .route("/", queueMessageRoutes(engine, queue, broker));
}
