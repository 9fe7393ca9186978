/** `/health/deep` under faults: it names what is broken, and only that, within its limit. One platform for all. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { QUEUES, VECTOR_INDEX } from "../../infra/inventory.ts";
import { MINUTE_MS } from "../ground/time.ts";
import {
  ALERT_SLOW_FIGURES_MIN,
  ALERT_STEP_MIN,
  BREAKER_OPEN_MS,
  DEEP_CHECK_LIMIT_MS,
  KV_PROBE_EVERY_MS,
  QUEUE_STUCK_AFTER_MS,
  VECTORIZE_SETTLING_MS,
} from "../limits.ts";
import { CHECKS, deepHealth } from "../schemas/deep-health.ts";
import { type Service, startService } from "../service.fixture.ts";
import { TABLES } from "../store/tables.ts";
import { down, FAULTS, Rig } from "./deep-health.fixture.ts";

let service: Service;
let rig: Rig;
beforeAll(async () => {
  service = await startService({ faults: true });
  rig = new Rig(service);
  await rig.write("weevil", "The granary weevil eats stored grain.");
  await rig.write("moth", "The clothes moth eats wool.");
  await service.platform.vectorize.flush();
  await rig.settled();
});
afterAll(() => service.close());
afterEach(async () => {
  rig.plan().rules = [];
  rig.advance(VECTORIZE_SETTLING_MS + BREAKER_OPEN_MS + 1);
  await rig.runCron();
});

test("a service that is well says so of every dependency, under both names", async () => {
  for (const path of ["/health/deep", "/health/detailed"]) {
    const { status, json } = await rig.deep(path);
    expect([status, json.status, json.broken]).toEqual([200, "healthy", []]);
    expect(Object.keys(json.checks)).toEqual([...CHECKS]);
    for (const [name, check] of Object.entries(deepHealth.parse(json).checks))
      expect([name, check.status]).toEqual([name, "healthy"]);
    expect(json.checks.vector_parity.facts).toMatchObject({
      vectors: 2,
      chunks: 2,
      sampled: 2,
      missing: 0,
      orphans: 0,
    });
    expect(json.checks.full_text.facts).toEqual({ chunks_compared: 2, not_indexed: 0, orphans: 0 });
  }
});

test("it knows every table that the migrations make, and leaves nothing in them", async () => {
  await rig.deep();
  const found = await rig.sql("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name");
  const own = found.map(([name]) => String(name)).filter((name) => !/^(_cf_|sqlite_|d1_|chunks_fts_)/.test(name));
  expect(own).toEqual([...TABLES]);
  expect(await rig.sql("SELECT 1 FROM idempotency WHERE key_id = 'health'")).toEqual([]);
});

test("it is the operator's: no key 401, another scope or tenant 403", async () => {
  const [ops, acme] = [
    await service.key({ scopes: ["ops"] }),
    await service.key({ scopes: ["admin"], tenant: "acme" }),
  ];
  const statuses = [null, ops, acme].map(
    async (key) => (await service.call("GET", "/health/deep", undefined, { key })).status,
  );
  expect(await Promise.all(statuses)).toEqual([401, 403, 403]);
});

describe("it names what is broken, and never says healthy", () => {
  test.each(FAULTS)("$fault", async ({ arrange, undo, rules = [], broken, detail }) => {
    await arrange?.(rig);
    rig.plan().rules = rules;
    const { status, json } = await rig.deep();
    rig.plan().rules = [];
    await undo?.(rig);
    const isUnusable = broken.some((name) => ["database", "full_text"].includes(name)) && json.status === "unhealthy";
    expect(json.broken).toEqual(broken);
    expect([status, json.status]).toEqual(isUnusable ? [503, "unhealthy"] : [200, "degraded"]);
    expect(json.checks[broken[0] ?? ""].detail).toMatch(detail);
  });
});

test("all bindings may hang at once: each is named within the limit", async () => {
  const bindings = ["DB", "VECTORIZE", "CONFIG", "CACHE", "VECTOR_PACKS", "AI", "INGEST_QUEUE", "METER"];
  rig.plan().rules = bindings.map((binding) => ({ binding, delay_ms: 60_000 }));
  const { status, json } = await rig.deep();
  expect([status, json.status]).toEqual([503, "unhealthy"]);
  expect(json.broken).toEqual(["database", "vectorize", "packs", "kv", "ai", "queue", "meter"]);
  expect(json.checks.database.detail).toBe(`no answer within ${DEEP_CHECK_LIMIT_MS} ms`);
});

test("KV is written to once in a quarter of an hour, whoever asks; a failed write is told until the next", async () => {
  rig.advance(KV_PROBE_EVERY_MS);
  const wrote = ({ json }: { json: { checks: { kv: { test: string } } } }) => json.checks.kv.test.includes("write");
  const answers = await Promise.all(Array.from({ length: 8 }, () => rig.deep()));
  expect(answers.filter(wrote)).toHaveLength(1);
  rig.advance(KV_PROBE_EVERY_MS);
  rig.plan().rules = [down("CONFIG", "put")];
  expect((await rig.deep()).json.checks.kv).toMatchObject({ status: "unhealthy" });
  rig.plan().rules = [];
  const told = await rig.deep();
  expect([wrote(told), told.json.checks.kv.status]).toEqual([false, "unhealthy"]);
  expect(told.json.checks.kv.detail).toContain("CONFIG is down");
});

test("a queue whose messages nobody takes is named", async () => {
  const queues = service.platform.runtime.registry.list("queue");
  const id = queues.find(({ queue_name }) => queue_name === QUEUES.ingest.name)?.queue_id;
  const paused = (delivery_paused: boolean) =>
    service.account("PATCH", `queues/${id}`, { queue_name: QUEUES.ingest.name, settings: { delivery_paused } });
  await paused(true);
  await rig.deep();
  rig.advance(QUEUE_STUCK_AFTER_MS + 1);
  expect((await rig.deep()).json.checks.queue).toMatchObject({ status: "unhealthy" });
  await paused(false);
});

test("vectors without a chunk, and chunks without their vector, are told at the next evaluation and resolve when they are mended", async () => {
  const { vectorize } = service.platform;
  const disparity = async () => {
    const { json } = await service.call("GET", "/api/v1/alerts", undefined, { key: service.platform.api_secret });
    return json.alerts.find(({ id }: { id: string }) => id === "index-disparity:vector_parity")?.state;
  };
  const evaluate = async (after_ms = ALERT_STEP_MIN * MINUTE_MS) => {
    await vectorize.flush();
    rig.advance(after_ms);
    await rig.runCron();
  };
  // The hour's look is behind it: what comes now is seen by the small one.
  await evaluate((ALERT_SLOW_FIGURES_MIN + ALERT_STEP_MIN) * MINUTE_MS);
  expect(await disparity()).not.toBe("firing");

  const values = Float32Array.from({ length: VECTOR_INDEX.dimensions }, (_, at) => at / 1000);
  vectorize.upsert(rig.index(), [{ id: "999999", namespace: "default", values }]);
  await evaluate();
  expect(await disparity()).toBe("firing");
  vectorize.deleteByIds(rig.index(), ["999999"]);
  await evaluate();
  expect(await disparity()).toBe("resolved");

  expect((await rig.write("kept", "A weevil in the bark.")).status).toBe(201);
  await evaluate(4 * MINUTE_MS);
  const ids = await rig.sql("SELECT id FROM chunks");
  vectorize.deleteByIds(
    rig.index(),
    ids.map(([id]) => String(id)),
  );
  await vectorize.flush();
  // Writes that go on do not hide it: the chunks are older than they are.
  expect((await rig.write("fresh", "Another weevil.")).status).toBe(201);
  await evaluate(MINUTE_MS / 2);
  expect(await disparity()).toBe("firing");
});

test("an index that is gone is named", async () => {
  const name = rig.index();
  service.platform.vectorize.deleteIndex(name);
  const { json } = await rig.deep();
  expect(json.broken).toContain("vectorize");
  expect(json.checks.vectorize.detail).toContain(name);
});
