import fc from "fast-check";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { uploadOf } from "./module.fixture.ts";
import { QueueStore } from "./queue-store.ts";
import { type RestUnderTest, startRest } from "./rest-server.fixture.ts";

/** Sends what it is asked to; answers each message as its body says; remembers what it saw in a global. */
const WORKER = `const seen = [];
export default {
  async fetch(request, env) {
    const path = new URL(request.url).pathname;
    if (path === "/seen") return Response.json(seen.splice(0));
    if (path === "/send") { await env.Q.send({ act: "ack", n: 1 }); await env.Q.sendBatch([{ body: "text", contentType: "text" }, { body: new Uint8Array([1, 255]), contentType: "bytes" }]); }
    if (path === "/big") return env.Q.send("x".repeat(128001), { contentType: "text" }).then(() => new Response("sent"), (error) => new Response(error.message));
    return Response.json(await env.Q.metrics());
  },
  async queue(batch) {
    for (const message of batch.messages) {
      seen.push({ queue: batch.queue, body: message.body instanceof Uint8Array ? [...message.body] : message.body, attempts: message.attempts, batch: batch.messages.length });
      if (message.body?.act === "retry") message.retry({ delaySeconds: message.body.delay });
      if (message.body?.act === "ack") message.ack();
    }
    if (batch.messages.some(({ body }) => body?.act === "throw")) throw new Error("handler failed");
  },
}`;

let rest: RestUnderTest;
let at: { account_id: string };
let queue: string;
let dead: string;
const create = async (queue_name: string) => (await rest.client.queues.create({ ...at, queue_name })).queue_id ?? "";
beforeAll(async () => {
  rest = await startRest();
  at = { account_id: rest.account_id };
  queue = await create("ingest");
  dead = await create("ingest-dead");
  await rest.client.workers.beta.workers.create({ ...at, name: "consumer" });
  await rest.client.workers.beta.workers.versions.create("consumer", {
    ...at,
    deploy: true,
    ...uploadOf(WORKER),
    bindings: [{ type: "queue", name: "Q", queue_name: "ingest" }],
    compatibility_date: "2026-11-01",
  });
  await rest.client.queues.consumers.create(queue, {
    ...at,
    type: "worker",
    script_name: "consumer",
    dead_letter_queue: "ingest-dead",
    settings: { batch_size: 10, max_wait_time_ms: 0, max_retries: 2, retry_delay: 5, max_concurrency: 2 },
  });
});
beforeEach(async () => {
  for (const id of [queue, dead])
    await rest.client.queues.purge.start(id, { ...at, delete_messages_permanently: true });
  await rest.engine.ask("consumer", "seen");
});
afterAll(() => rest.close());

const { parse } = JSON;
const push = (body: unknown, more: object = {}) =>
  rest.client.queues.messages.push(queue, { ...at, body, content_type: "json", ...more });
/** Lets everything that is due be delivered, and answers what the Worker saw of it. */
async function delivered() {
  rest.engine.queues.dispatch();
  await rest.engine.queues.settled();
  return parse(await rest.engine.ask("consumer", "seen")) as { body: unknown; attempts: number; batch: number }[];
}
const count = async (id: string) => (await rest.client.queues.getMetrics(id, at)).backlog_count;
const pass = (seconds: number) => {
  rest.engine.clock_offset_ms += seconds * 1000;
};

test("a queue shows its consumer and producers; its name cannot be taken twice", async () => {
  expect(await rest.client.queues.get(queue, at)).toMatchObject({
    queue_name: "ingest",
    consumers: [
      { type: "worker", script_name: "consumer", dead_letter_queue: "ingest-dead", settings: { max_retries: 2 } },
    ],
    producers: [{ type: "worker", script: "consumer" }],
    settings: { delivery_paused: false },
  });
  await expect(create("ingest")).rejects.toMatchObject({ status: 409, errors: [{ code: 11009 }] });
  await expect(rest.client.queues.get("none", at)).rejects.toMatchObject({ status: 404, errors: [{ code: 11000 }] });
  const consumer = { ...at, type: "worker" as const, script_name: "consumer" };
  await expect(rest.client.queues.consumers.create(queue, consumer)).rejects.toMatchObject({
    errors: [{ code: 11004 }],
  });
  await expect(rest.client.queues.consumers.create(dead, { ...consumer, script_name: "none" })).rejects.toMatchObject({
    errors: [{ code: 10007 }],
  });
});

test("what the Worker's binding sends reaches its handler with type and bytes intact", async () => {
  await rest.engine.ask("consumer", "send");
  const seen = await delivered();
  expect(seen.map(({ body }) => body)).toEqual([{ act: "ack", n: 1 }, "text", [1, 255]]);
  expect(await count(queue)).toBe(0);
});

test("a message is delivered again after the delay its handler asked for, and goes to the dead letters when retries are spent", async () => {
  await push({ act: "retry", delay: 30 });
  expect((await delivered()).map(({ attempts }) => attempts)).toEqual([1]);
  pass(29);
  expect(await delivered()).toEqual([]);
  pass(1);
  expect((await delivered()).map(({ attempts }) => attempts)).toEqual([2]);
  pass(30);
  expect((await delivered()).map(({ attempts }) => attempts)).toEqual([3]);
  expect([await count(queue), await count(dead)]).toEqual([0, 1]);
  const { messages = [] } = await rest.client.queues.messages.peek(dead, at);
  expect(messages.map(({ body }) => parse(Buffer.from(body ?? "", "base64").toString()))).toEqual([
    { act: "retry", delay: 30 },
  ]);
});

test("when a handler throws, what it did not acknowledge comes back after the consumer's delay", async () => {
  const messages = ["ack", "throw"].map((act) => ({ body: { act }, content_type: "json" as const }));
  await rest.client.queues.messages.bulkPush(queue, { ...at, messages });
  expect(await delivered()).toHaveLength(2);
  expect(await count(queue)).toBe(1);
  pass(5);
  expect((await delivered()).map(({ attempts }) => attempts)).toEqual([2]);
});

test("what a Worker has is not delivered again while it has it, however far the clock is set", async () => {
  await push({ act: "ack" });
  rest.engine.queues.dispatch();
  pass(86_400);
  expect((await delivered()).map(({ attempts }) => attempts)).toEqual([1]);
  expect(await count(queue)).toBe(0);
});

test("a paused queue keeps its messages; a delayed message waits", async () => {
  await rest.client.queues.edit(queue, { ...at, settings: { delivery_paused: true } });
  await push({ act: "ack" });
  expect(await delivered()).toEqual([]);
  await rest.client.queues.edit(queue, { ...at, settings: { delivery_paused: false } });
  await push({ act: "ack" }, { delay_seconds: 60 });
  expect(await delivered()).toHaveLength(1);
  pass(60);
  expect(await delivered()).toHaveLength(1);
});

test("dead letters are pulled under a lease, retried, acknowledged and purged over HTTP", async () => {
  const { messages, consumers } = rest.client.queues;
  await messages.bulkPush(dead, {
    ...at,
    messages: ["a", "b", "c"].map((body) => ({ body, content_type: "text" as const })),
  });
  await expect(messages.pull(dead, at)).rejects.toThrow(/http_pull mode/);
  const consumer = await consumers.create(dead, { ...at, type: "http_pull" });
  const out = await messages.pull(dead, { ...at, batch_size: 2, visibility_timeout_ms: 10_000 });
  expect(out.messages?.map(({ body }) => body)).toEqual(["a", "b"]);
  expect((await messages.pull(dead, at)).messages?.map(({ body }) => body)).toEqual(["c"]);
  const [a, b] = out.messages ?? [];
  expect(
    await messages.ack(dead, {
      ...at,
      acks: [{ lease_id: a?.lease_id ?? "" }],
      retries: [{ lease_id: b?.lease_id ?? "" }],
    }),
  ).toMatchObject({ ackCount: 1, retryCount: 1 });
  expect((await messages.pull(dead, at)).messages).toMatchObject([{ body: "b", attempts: 2 }]);
  const late = await messages.ack(dead, { ...at, acks: [{ lease_id: a?.lease_id ?? "" }] });
  expect([late.ackCount, Object.keys(late.warnings ?? {})]).toEqual([0, [a?.lease_id]]);
  pass(30);
  const peeked = await messages.peek(dead, at);
  await messages.purge(dead, { ...at, refs: [{ ref: peeked.messages?.[0]?.ref ?? "" }] });
  expect(await count(dead)).toBe(1);
  await consumers.delete(consumer.consumer_id ?? "", { ...at, queue_id: dead });
});

test("a message has at most 128 kB, a batch 100 messages and 256 kB, a delay 24 hours", async () => {
  expect(await rest.engine.ask("consumer", "big")).toMatch(/128001 bytes exceeds limit of 128000/);
  const batch = (n: number, size: number) => ({
    messages: Array.from({ length: n }, () => ({ body: "x".repeat(size), content_type: "text" })),
  });
  for (const body of [
    batch(101, 1),
    batch(3, 100_000),
    { messages: [{ body: "x", content_type: "text", delay_seconds: 86_401 }] },
  ])
    expect((await rest.call("POST", `/queues/${queue}/messages/batch`, body)).body.success).toBe(false);
  expect(await count(queue)).toBe(0);
});

test("a message older than the queue's retention is gone", async () => {
  await push({ act: "ack" }, { delay_seconds: 80_000 });
  pass(4 * 86_400 + 1);
  expect(await delivered()).toEqual([]);
  expect(await count(queue)).toBe(0);
});

test("messages are neither lost nor doubled, whatever order of push, lease, ack and release", () => {
  const step = fc.oneof(
    fc.record({ do: fc.constant("push" as const), n: fc.nat({ max: 3 }) }),
    fc.record({ do: fc.constantFrom("lease" as const, "ack" as const, "release" as const), n: fc.nat({ max: 3 }) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const store = new QueueStore(":memory:");
      const leases: string[] = [];
      let pushed = 0;
      let acked = 0;
      for (const [now_ms, { do: what, n }] of steps.entries()) {
        if (what === "push") {
          store.push(
            "q",
            Array.from({ length: n }, () => ({ content_type: "text" as const, body: `${pushed++}`, delay_s: 0 })),
            now_ms,
          );
        } else if (what === "lease") leases.push(...store.lease("q", n, 1000, now_ms).map(({ lease_id }) => lease_id));
        else {
          const lease = leases.shift();
          if (lease && what === "ack") acked += Number(store.ack(lease));
          else if (lease) store.release(lease, now_ms);
        }
      }
      expect(store.backlog("q").backlog_count).toBe(pushed - acked);
      store.releaseAll("q", 0);
      expect(
        store
          .lease("q", 1000, 1, 1e6)
          .map(({ body }) => body)
          .toSorted(),
      ).toHaveLength(pushed - acked);
      store.close();
    }),
    { numRuns: 40 },
  );
});

test("a queue asked for by its name is the only one listed, and none where there is none of that name", async () => {
  const named = async (name: string) => {
    const { body } = await rest.call("GET", `/queues?page=1&name=${name}`);
    return (body.result as { queue_id: string }[]).map(({ queue_id }) => queue_id);
  };
  expect(await named("ingest-dead")).toEqual([dead]);
  expect(await named("ingest")).toEqual([queue]);
  expect(await named("inge")).toEqual([]);
});
