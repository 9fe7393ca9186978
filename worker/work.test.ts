import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { CRONS, QUEUES, SERVICE } from "../infra/inventory.ts";
import type { Env } from "./env.ts";
import { BREAKER_OPEN_MS, IDEMPOTENCY_LIFETIME_MS, PACK_RETENTION_MS } from "./limits.ts";
import { eventsOf, type Service, startService } from "./service.fixture.ts";
import { dataPoint } from "./telemetry/data-point.ts";
import { BLOBS, DOUBLES } from "./telemetry/data-point-layout.ts";
import { measuresOf } from "./telemetry/tally.ts";
import { Work } from "./work.ts";

type Line = Record<string, unknown> & { error?: { type: string; message: string } };

const logs: string[] = [];
let service: Service;
beforeAll(async () => {
  service = await startService({ faults: true, variables: { LOG_LEVEL: "INFO" }, on_log: (line) => logs.push(line) });
});
afterAll(() => service.close());
afterEach(() => {
  faults().rules = [];
  logs.splice(0);
});

function faults() {
  if (!service.platform.faults) throw new Error("the platform runs without the shim");
  return service.platform.faults;
}
const lines = (): Line[] => logs.filter((line) => line.startsWith("{")).map((line) => JSON.parse(line));
/** Waits for the line that ends a unit of work: it is written behind the answer. */
async function ending(endpoint: string): Promise<Line> {
  const found = () => lines().find((line) => line.endpoint === endpoint);
  await expect.poll(found, { timeout: 20_000 }).toBeDefined();
  return found() ?? {};
}
async function sql(statement: string): Promise<unknown[][]> {
  const { runtime } = service.platform;
  const [result] = await runtime.queryD1(runtime.registry.list("d1")[0]?.uuid ?? "", [{ sql: statement }]);
  return result?.rows ?? [];
}
const cron = (name: keyof typeof CRONS.worker) => service.platform.runtime.triggerSchedule(SERVICE, CRONS.worker[name]);
const deliver = (id: string, body: unknown) =>
  service.platform.runtime.deliver(SERVICE, QUEUES.ingest.name, [{ id, timestamp: new Date(), body, attempts: 1 }]);

describe("a unit of work ends in one log line", () => {
  const IDENTITY = {
    timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
    service: "prism",
    environment: "local",
    request_id: expect.stringMatching(/^[\w-]{8,64}$/),
    trace_id: expect.stringMatching(/^[\da-f]{32}$/),
    duration_ms: expect.any(Number),
    database_queries: expect.any(Number),
  };

  test("a request's", async () => {
    const { headers } = await service.call("POST", "/api/v1/search", { query: "a secret question" });
    const line = await ending("/api/v1/search");
    expect(line).toMatchObject({ ...IDENTITY, level: "INFO", message: "request", method: "POST", status_code: 200 });
    expect(line.request_id).toBe(headers.get("x-request-id"));
    expect(logs.join()).not.toContain("secret question");
    expect(logs.join()).not.toContain("a data point could not be written");
  });

  test("a streamed answer's that broke off, as an error although its status was 200", async () => {
    await service.call("POST", "/api/v1/auth/verify");
    faults().rules = [{ binding: "DB", error: "D1_ERROR: down" }];
    const { status, text } = await service.call("POST", "/api/v1/chat", { message: "Anything?", stream: true });
    expect([status, eventsOf(text).map(({ event }) => event)]).toEqual([200, ["error"]]);
    const line = await ending("/api/v1/chat");
    expect(line).toMatchObject({ level: "ERROR", status_code: 200, error: { message: "D1_ERROR: down" } });
  });

  test("a queue message's, with the count of its queries", async () => {
    const documents = [{ id: "logged", text: "Words that no line holds." }];
    const { json } = await service.call("POST", "/api/v1/documents/batch", { documents });
    await service.job(json.job_id);
    const line = await ending("queue/ingest");
    expect(line).toMatchObject({ ...IDENTITY, level: "INFO", message: "queue message done", attempts: 1 });
    expect(line.database_queries).toBeGreaterThan(2);
    expect(logs.join()).not.toContain("Words that no line holds");
  });

  test("what a request leaves to the queue, in the trace of its caller", async () => {
    const trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    const headers = { traceparent: `00-${trace}-00f067aa0ba902b7-01` };
    // The vectors are owed, so that one message leads to another.
    faults().rules = [{ binding: "VECTORIZE", error: "down" }];
    const documents = [{ id: "traced", text: "Followed through the queue." }];
    const { json } = await service.call("POST", "/api/v1/documents/batch", { documents }, { headers });
    await service.job(json.job_id);
    faults().rules = [];
    for (const endpoint of ["/api/v1/documents/batch", "queue/ingest", "queue/settle"])
      expect(await ending(endpoint)).toMatchObject({ trace_id: trace });
  });

  test("a queue message's that fails, with its error and the message's id", async () => {
    await deliver("0123456789", { type: "ingest", job_id: "nobody's", part: "first" });
    const line = await ending("queue/unknown");
    expect(line).toMatchObject({ ...IDENTITY, level: "ERROR", message: "queue message failed", attempts: 1 });
    expect(line).toMatchObject({ request_id: "0123456789", error: { type: "ZodError" } });
  });

  test("a cron task's", async () => {
    await cron("checks");
    const line = await ending("cron/resend-overdue");
    expect(line).toMatchObject({ ...IDENTITY, level: "INFO", message: "cron task done" });
    expect(line.database_queries).toBe(2);
  });
});

test("a unit of work writes one data point; without Analytics Engine it is done all the same, and the log says so", async () => {
  faults().rules = [{ binding: "ANALYTICS", method: "writeDataPoint", error: "no dataset" }];
  const documents = [{ id: "counted", text: "Counted once." }];
  const { status, json, headers } = await service.call("POST", "/api/v1/documents/batch", { documents });
  expect(status).toBe(202);
  await cron("checks");
  expect((await service.job(json.job_id)).state).toBe("done");
  const refused = (id: unknown) =>
    lines().filter((line) => line.message === "a data point could not be written" && line.request_id === id);
  const ids = [
    headers.get("x-request-id"),
    (await ending("queue/ingest")).request_id,
    (await ending("cron/resend-overdue")).request_id,
  ];
  for (const id of ids) await expect.poll(() => refused(id)).toHaveLength(1);
  expect(refused(ids[0])[0]).toMatchObject({ level: "WARN", error: { message: "no dataset" } });
});

test("a queue message stands behind the breaker that requests opened, and waits without having tried", async () => {
  const queues = service.platform.runtime.registry.list("queue");
  const queue = queues.find(({ queue_name }) => queue_name === QUEUES.ingest.name);
  const setDelivery = (delivery_paused: boolean) =>
    service.account("PATCH", `queues/${queue?.queue_id}`, { settings: { delivery_paused } });
  // A breaker lets one try through when its time is over: none of the writes' own messages may be that one.
  await setDelivery(true);
  faults().rules = [{ binding: "VECTORIZE", error: "down" }];
  for (const id of ["owed/1", "owed/2", "owed/3"]) {
    await service.call("PUT", `/api/v1/documents/${encodeURIComponent(id)}`, { text: `Owed ${id}.` });
  }
  faults().rules = [];
  const [[outbox_id] = []] = await sql("SELECT id FROM vector_outbox");
  logs.splice(0);
  const { retryMessages } = await deliver("behind", { type: "settle", outbox_id });
  expect(retryMessages).toEqual([{ msgId: "behind", delaySeconds: BREAKER_OPEN_MS / 1000 }]);
  await ending("queue/settle");
  const line = lines().find(({ request_id }) => request_id === "behind");
  expect(line).toMatchObject({ level: "INFO", message: "queue message waits", error: { type: "CircuitOpen" } });

  faults().clock_offset_ms += BREAKER_OPEN_MS + 1;
  const { explicitAcks } = await deliver("behind", { type: "settle", outbox_id });
  expect(explicitAcks).toEqual(["behind"]);
  await setDelivery(false);
});

test("a cron task that fails stops no other", async () => {
  const once = { headers: { "idempotency-key": "once" } };
  await service.call("POST", "/api/v1/documents", { id: "packed", text: "A text with a pack of its own." }, once);
  await service.call("DELETE", "/api/v1/documents/packed");
  await cron("daily");
  faults().clock_offset_ms += Math.max(PACK_RETENTION_MS, IDEMPOTENCY_LIFETIME_MS) + 60_000;
  faults().rules = [{ binding: "VECTOR_PACKS", method: "head", error: "R2 is down" }];
  logs.splice(0);
  await cron("daily");
  expect(await ending("cron/collect-packs")).toMatchObject({ level: "ERROR", error: { message: "R2 is down" } });
  expect(await ending("cron/forget-answers")).toMatchObject({ level: "INFO", message: "cron task done" });
  expect(await sql("SELECT count(*) FROM idempotency")).toEqual([[0]]);
});

test("upkeep begins when the tasks that watch have ended, however long they take", async () => {
  faults().rules = [{ binding: "STATUS", delay_ms: 300 }];
  logs.splice(0);
  await cron("checks");
  faults().rules = [];
  await ending("cron/record-status");
  await ending("cron/archive-audit");
  const tasks = lines()
    .map(({ endpoint }) => String(endpoint))
    .filter((endpoint) => endpoint.startsWith("cron/"));
  expect(tasks.slice(-2).sort()).toEqual(["cron/archive-audit", "cron/reword-chunks"]);
  expect(tasks).toContain("cron/record-status");
});

test("a data point is bounded and holds no text that a caller chose", () => {
  const env = { VERSION: { id: "v1" } } as Env;
  const work = new Work("request", env, { waitUntil: () => {} }, { request_id: "r", now_ms: 0, colo: "FRA" });
  const error = new Error("private text");
  error.name = "E".repeat(1_000);
  const { indexes, blobs, doubles } = dataPoint(
    work,
    { endpoint: "/e".repeat(200), outcome: "failed", method: "other", error },
    measuresOf(work),
    5,
  );
  expect([...(indexes ?? []), ...(blobs ?? [])].join()).not.toMatch(/private/i);
  for (const text of [...(indexes ?? []), ...(blobs ?? [])]) expect(String(text).length).toBeLessThanOrEqual(96);
  expect([blobs?.length, doubles?.length]).toEqual([BLOBS.length, DOUBLES.length]);
  // Analytics Engine takes 20 of each: https://developers.cloudflare.com/analytics/analytics-engine/limits/
  expect(Math.max(BLOBS.length, DOUBLES.length)).toBeLessThanOrEqual(20);
  expect(blobs?.[BLOBS.indexOf("colo")]).toBe("FRA");
  expect(doubles?.[DOUBLES.indexOf("duration_ms")]).toBe(5);
});
