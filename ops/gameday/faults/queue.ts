/** Faults of the queue and its consumer. */
import { MINUTE_MS } from "../../../worker/ground/time.ts";
import { QUEUE_STUCK_AFTER_MS } from "../../../worker/limits.ts";
import type { Arena } from "../arena.ts";
import { type Fault, LATENCY_ALERTS } from "../fault.ts";
import { account, fails, queueId, works } from "../means.ts";

/** Messages that wait where a thousand is too many. */
const BACKLOG = 1_100;
const PUSHED_AT_ONCE = 100;
/** A message that waits for longer is told. */
const OLD_MIN = QUEUE_STUCK_AFTER_MS / MINUTE_MS;

async function pause(arena: Arena): Promise<void> {
  await account(arena, "put", `queues/${await queueId(arena, "ingest")}`, { settings: { delivery_paused: true } });
}

/** Messages that ask for nothing, as deep health sends them. */
async function pushPings(arena: Arena, count: number): Promise<void> {
  const id = await queueId(arena, "ingest");
  const messages = Array.from({ length: PUSHED_AT_ONCE }, () => ({ body: { type: "ping" }, content_type: "json" }));
  for (let pushed = 0; pushed < count; pushed += PUSHED_AT_ONCE)
    await account(arena, "post", `queues/${id}/messages/batch`, { messages });
}

const slowConsumer = (apparent_ms: number) => fails({ binding: "VECTOR_PACKS", method: "put", apparent_ms });

export const QUEUE_FAULTS: readonly Fault[] = [
  {
    id: "queue-backlog",
    what: "somebody paused the queue's delivery, and messages pile up",
    alert: "queue-depth",
    also: ["queue-age"],
    runbook: "ingestion-stuck",
    inject: async (arena) => {
      await pause(arena);
      await pushPings(arena, BACKLOG);
    },
  },
  {
    id: "consumer-gone",
    what: "the queue has lost its consumer",
    alert: "queue-age",
    builds_up_min: OLD_MIN,
    runbook: "ingestion-stuck",
    inject: async (arena) => {
      const id = await queueId(arena, "ingest");
      const { result } = await account<{ consumer_id: string; script?: string }[]>(
        arena,
        "get",
        `queues/${id}/consumers`,
      );
      for (const { consumer_id } of result) await account(arena, "delete", `queues/${id}/consumers/${consumer_id}`);
    },
  },
  {
    id: "poison-message",
    what: "a message that no version can do fails again and again",
    alert: "dead-letters",
    also: ["error-rate"],
    builds_up_min: 5,
    runbook: "poison-message",
    inject: async (arena) => {
      const body = { type: "upgrade", to: "a version that was never released" };
      await account(arena, "post", `queues/${await queueId(arena, "ingest")}/messages`, { body, content_type: "json" });
    },
  },
  {
    id: "processing-slow",
    what: "messages of the queue take forty seconds",
    alert: "processing-slow",
    also: LATENCY_ALERTS,
    runbook: "ingestion-stuck",
    inject: slowConsumer(40_000),
    passes: works,
  },
  {
    id: "processing-stuck",
    what: "messages of the queue take minutes",
    alert: "processing-stuck",
    also: ["processing-slow", ...LATENCY_ALERTS],
    runbook: "ingestion-stuck",
    inject: slowConsumer(150_000),
    passes: works,
  },
];
