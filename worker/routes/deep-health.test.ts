/** `/health/deep` under faults: it names what is broken, and only that, within its limit. One platform for all. */
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { CRONS, QUEUES, SERVICE, VECTOR_INDEX } from "../../infra/inventory.ts";
import type { FaultRule } from "../../local/faults.ts";
import { VECTORIZE_MUTATION_DELAY_MS } from "../../local/limits.ts";
import {
  BREAKER_FAILURES_TO_OPEN,
  BREAKER_OPEN_MS,
  CRON_STOPPED_AFTER_MS,
  DEEP_CHECK_LIMIT_MS,
  DEEP_CHECK_SLOW_MS,
  KV_PROBE_EVERY_MS,
  QUEUE_STUCK_AFTER_MS,
  VECTORIZE_SETTLING_MS,
} from "../limits.ts";
import { CHECKS, deepHealth } from "../schemas/deep-health.ts";
import { type Service, startService } from "../service.fixture.ts";
import { TABLES } from "../store/tables.ts";

let service: Service;
beforeAll(async () => {
  service = await startService({ faults: true });
  await write("weevil", "The granary weevil eats stored grain.");
  await write("moth", "The clothes moth eats wool.");
  await service.platform.vectorize.flush();
  await settled();
});
afterAll(() => service.close());
afterEach(async () => {
  plan().rules = [];
  advance(VECTORIZE_SETTLING_MS + BREAKER_OPEN_MS + 1);
  await runCron();
});

function plan() {
  if (!service.platform.faults) throw new Error("the platform runs without the shim");
  return service.platform.faults;
}
const write = (id: string, text: string) => service.call("PUT", `/api/v1/documents/${id}`, { title: id, text });
const advance = (by_ms: number) => {
  plan().clock_offset_ms += by_ms;
};
const runCron = () => service.platform.runtime.triggerSchedule(SERVICE, CRONS.worker.checks);
/** Cron has run, and no write is settling any more. */
async function settled() {
  advance(VECTORIZE_SETTLING_MS + 1);
  await runCron();
  await vi.waitFor(async () => expect((await deep()).json.checks.cron.status).toBe("healthy"), { timeout: 20_000 });
}
/** As the bootstrap secret's holder, whom the Worker knows without D1. */
const deep = (path = "/health/deep") => service.call("GET", path, undefined, { key: service.platform.api_secret });
async function sql(statement: string): Promise<unknown[][]> {
  const { runtime } = service.platform;
  const [result] = await runtime.queryD1(runtime.registry.list("d1")[0]?.uuid ?? "", [{ sql: statement }]);
  return result?.rows ?? [];
}
const index = () => {
  const [only] = service.platform.vectorize.listIndexes();
  return only?.name ?? "";
};
const down = (binding: string, method?: string): FaultRule => ({
  binding,
  ...(method === undefined ? {} : { method }),
  error: `${binding} is down`,
});

test("a service that is well says so of every dependency, under both names", async () => {
  for (const path of ["/health/deep", "/health/detailed"]) {
    const { status, json } = await deep(path);
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
  await deep();
  const found = await sql("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name");
  const own = found.map(([name]) => String(name)).filter((name) => !/^(_cf_|sqlite_|d1_|chunks_fts_)/.test(name));
  expect(own).toEqual([...TABLES]);
  expect(await sql("SELECT 1 FROM idempotency WHERE key_id = 'health'")).toEqual([]);
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

interface Fault {
  fault: string;
  /** All that is called broken then. */
  broken: string[];
  rules?: FaultRule[];
  arrange?: () => Promise<unknown>;
  undo?: () => Promise<unknown>;
  detail: RegExp;
}

let definition = "";
const FAULTS: Fault[] = [
  { fault: "D1 down", rules: [down("DB")], broken: ["database"], detail: /DB is down/ },
  { fault: "Vectorize down", rules: [down("VECTORIZE")], broken: ["vectorize"], detail: /VECTORIZE is down/ },
  { fault: "Vectorize queries fail", rules: [down("VECTORIZE", "query")], broken: ["vectorize"], detail: /is down/ },
  {
    fault: "Vectorize slow",
    rules: [{ binding: "VECTORIZE", method: "query", delay_ms: DEEP_CHECK_SLOW_MS + 1 }],
    broken: ["vectorize"],
    detail: /slow/,
  },
  { fault: "KV not readable", rules: [down("CONFIG", "get")], broken: ["kv"], detail: /CONFIG is down/ },
  { fault: "the other KV not readable", rules: [down("CACHE", "get")], broken: ["kv"], detail: /CACHE is down/ },
  { fault: "R2 down", rules: [down("VECTOR_PACKS")], broken: ["packs"], detail: /VECTOR_PACKS is down/ },
  { fault: "AI down", rules: [down("AI")], broken: ["ai"], detail: /AI is down/ },
  { fault: "the queue takes no message", rules: [down("INGEST_QUEUE", "send")], broken: ["queue"], detail: /is down/ },
  { fault: "the meter down", rules: [down("METER")], broken: ["meter"], detail: /METER is down/ },
  {
    fault: "cron stopped",
    arrange: async () => advance(CRON_STOPPED_AFTER_MS + 60_000),
    undo: settled,
    broken: ["cron"],
    detail: /cron has stopped/,
  },
  {
    fault: "cron fails each time",
    arrange: async () => {
      advance(CRON_STOPPED_AFTER_MS + 60_000);
      plan().rules = [down("DB")];
      await runCron().catch(() => {});
      plan().rules = [];
      await vi.waitFor(async () => expect((await deep()).json.checks.cron.facts.runs).toBe(1), { timeout: 20_000 });
    },
    undo: settled,
    broken: ["cron"],
    detail: /every run has failed/,
  },
  {
    fault: "the chat model failing",
    arrange: async () => {
      plan().rules = [down("AI")];
      for (let index = 0; index < BREAKER_FAILURES_TO_OPEN; index += 1)
        await service.call("POST", "/api/v1/chat", {
          message: `What does the granary weevil eat? ${"!".repeat(index)}`,
        });
      plan().rules = [];
    },
    undo: async () => {
      advance(BREAKER_OPEN_MS + 1);
      await service.call("POST", "/api/v1/chat", { message: "What does the granary weevil eat?" });
    },
    broken: ["ai"],
    detail: /chat model/,
  },
  {
    fault: "full-text index missing",
    arrange: async () => {
      definition = String((await sql("SELECT sql FROM sqlite_schema WHERE name = 'chunks_fts'"))[0]?.[0]);
      await sql("DROP TABLE chunks_fts");
    },
    undo: async () => {
      await sql(definition);
      await sql("INSERT INTO chunks_fts (chunks_fts) VALUES ('rebuild')");
    },
    broken: ["tables", "full_text"],
    detail: /chunks_fts/,
  },
  {
    fault: "full-text index with an orphan",
    arrange: () =>
      sql(
        "INSERT INTO chunks_fts (rowid, tenant_term, title, heading, text, words) VALUES (999, 't', '', '', 'x', '')",
      ),
    undo: () => sql("INSERT INTO chunks_fts (chunks_fts) VALUES ('rebuild')"),
    broken: ["full_text"],
    detail: /1 rows without a chunk/,
  },
  {
    fault: "full-text index without its rows",
    arrange: () => sql("INSERT INTO chunks_fts (chunks_fts) VALUES ('delete-all')"),
    undo: () => sql("INSERT INTO chunks_fts (chunks_fts) VALUES ('rebuild')"),
    broken: ["full_text"],
    detail: /lacks 2 of the chunks/,
  },
  {
    fault: "an orphaned vector",
    arrange: async () => {
      const values = Float32Array.from({ length: VECTOR_INDEX.dimensions }, (_, at) => at / 1000);
      service.platform.vectorize.upsert(index(), [{ id: "999", namespace: "default", values }]);
      await service.platform.vectorize.flush();
    },
    undo: async () => {
      service.platform.vectorize.deleteByIds(index(), ["999"]);
      await service.platform.vectorize.flush();
    },
    broken: ["vector_parity"],
    detail: /1 of the vectors found have no chunk; 3 vectors stand against 2 chunks/,
  },
  {
    fault: "Vectorize stale",
    arrange: async () => {
      service.platform.vectorize.setMutationDelay(Number.POSITIVE_INFINITY);
      expect((await write("late", "A late bark beetle.")).status).toBe(201);
      await vi.waitFor(async () => expect(await sql("SELECT 1 FROM vector_outbox")).toEqual([]), { timeout: 20_000 });
      expect((await deep()).json.checks.vector_parity).toMatchObject({ status: "unknown", facts: { missing: 1 } });
      advance(VECTORIZE_SETTLING_MS + 1);
    },
    undo: async () => {
      service.platform.vectorize.setMutationDelay(VECTORIZE_MUTATION_DELAY_MS);
      await service.platform.vectorize.flush();
    },
    broken: ["vector_parity"],
    detail: /1 of 3 chunks looked up have no vector; only 2 vectors stand against 3 chunks; Vectorize is stale/,
  },
  {
    fault: "a write fence",
    arrange: async () => {
      await sql("INSERT INTO write_fence VALUES (1, 'test', 'test', 1, NULL)");
      await sql("CREATE TRIGGER held BEFORE INSERT ON idempotency BEGIN SELECT RAISE(ABORT, 'prism-write-fence'); END");
    },
    undo: async () => {
      await sql("DROP TRIGGER held");
      await sql("DELETE FROM write_fence");
    },
    broken: ["database_write"],
    detail: /fence/,
  },
  {
    fault: "D1 not writable",
    arrange: () => sql("CREATE TRIGGER held BEFORE INSERT ON idempotency BEGIN SELECT RAISE(ABORT, 'disk full'); END"),
    undo: () => sql("DROP TRIGGER held"),
    broken: ["database_write"],
    detail: /disk full/,
  },
  {
    fault: "a pack lost from R2",
    arrange: () =>
      sql("INSERT INTO packs SELECT 999, 'packs/lost', embedding_model, dimensions, 1, 1, NULL FROM packs LIMIT 1"),
    undo: () => sql("DELETE FROM packs WHERE id = 999"),
    broken: ["packs"],
    detail: /packs\/lost is missing/,
  },
  {
    fault: "a letter that died",
    arrange: () => sql(`INSERT INTO dead_letters VALUES ('x', 'q', '{}', 5, ${plan().now()})`),
    undo: () => sql("DELETE FROM dead_letters"),
    broken: ["queue"],
    detail: /a message died/,
  },
];

describe("it names what is broken, and never says healthy", () => {
  test.each(FAULTS)("$fault", async ({ arrange, undo, rules = [], broken, detail }) => {
    await arrange?.();
    plan().rules = rules;
    const { status, json } = await deep();
    plan().rules = [];
    await undo?.();
    const isUnusable = ["database", "full_text"].includes(broken.at(-1) ?? "") && json.status === "unhealthy";
    expect(json.broken).toEqual(broken);
    expect([status, json.status]).toEqual(isUnusable ? [503, "unhealthy"] : [200, "degraded"]);
    expect(json.checks[broken[0] ?? ""].detail).toMatch(detail);
  });
});

test("all bindings may hang at once: each is named within the limit", async () => {
  const bindings = ["DB", "VECTORIZE", "CONFIG", "CACHE", "VECTOR_PACKS", "AI", "INGEST_QUEUE", "METER"];
  plan().rules = bindings.map((binding) => ({ binding, delay_ms: 60_000 }));
  const { status, json } = await deep();
  expect([status, json.status]).toEqual([503, "unhealthy"]);
  expect(json.broken).toEqual(["database", "vectorize", "packs", "kv", "ai", "queue", "meter"]);
  expect(json.checks.database.detail).toBe(`no answer within ${DEEP_CHECK_LIMIT_MS} ms`);
});

test("KV is written to once in a quarter of an hour, whoever asks; a failed write is told until the next", async () => {
  advance(KV_PROBE_EVERY_MS);
  const wrote = ({ json }: { json: { checks: { kv: { test: string } } } }) => json.checks.kv.test.includes("write");
  const answers = await Promise.all(Array.from({ length: 8 }, () => deep()));
  expect(answers.filter(wrote)).toHaveLength(1);
  advance(KV_PROBE_EVERY_MS);
  plan().rules = [down("CONFIG", "put")];
  expect((await deep()).json.checks.kv).toMatchObject({ status: "unhealthy" });
  plan().rules = [];
  const told = await deep();
  expect([wrote(told), told.json.checks.kv.status]).toEqual([false, "unhealthy"]);
  expect(told.json.checks.kv.detail).toContain("CONFIG is down");
});

test("a queue whose messages nobody takes is named", async () => {
  const { api_url, account_id, api_token, runtime } = service.platform;
  const queues = runtime.registry.list("queue");
  const id = queues.find(({ queue_name }) => queue_name === QUEUES.ingest.name)?.queue_id;
  const paused = async (delivery_paused: boolean) => {
    const response = await fetch(`${api_url}/accounts/${account_id}/queues/${id}`, {
      method: "PATCH",
      headers: { authorization: `Bearer ${api_token}`, "content-type": "application/json" },
      body: JSON.stringify({ queue_name: QUEUES.ingest.name, settings: { delivery_paused } }),
    });
    expect(response.status).toBe(200);
  };
  await paused(true);
  await deep();
  advance(QUEUE_STUCK_AFTER_MS + 1);
  expect((await deep()).json.checks.queue).toMatchObject({ status: "unhealthy" });
  await paused(false);
});

test("an index that is gone is named", async () => {
  const name = index();
  service.platform.vectorize.deleteIndex(name);
  const { json } = await deep();
  expect(json.broken).toContain("vectorize");
  expect(json.checks.vectorize.detail).toContain(name);
});
