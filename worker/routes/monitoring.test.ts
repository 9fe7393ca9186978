/** `/debug/*` and `/monitoring/*`, held against what was done. One platform for all. */
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import { CRONS, generationName, SECRETS, SERVICE, VECTOR_INDEX } from "../../infra/inventory.ts";
import { ADVICE_ROWS_MIN, SLOW_QUERY_MS } from "../limits.ts";
import { type Service, startService } from "../service.fixture.ts";

let service: Service;
beforeAll(async () => {
  service = await startService({ faults: true });
});
afterAll(() => service.close());
afterEach(() => {
  plan().rules = [];
});

function plan() {
  if (!service.platform.faults) throw new Error("the platform runs without the shim");
  return service.platform.faults;
}
const get = async (path: string) => (await service.call("GET", path)).json;
async function sql(statement: string): Promise<unknown[][]> {
  const { runtime } = service.platform;
  const [result] = await runtime.queryD1(runtime.registry.list("d1")[0]?.uuid ?? "", [{ sql: statement }]);
  return result?.rows ?? [];
}
const eventually = (check: () => Promise<void>) => vi.waitFor(check, { timeout: 30_000, interval: 200 });

test("/debug/env tells which names are set, and no value", async () => {
  const { text, json } = await service.call("GET", "/debug/env");
  expect(json.secrets).toMatchObject({ API_SECRET: true, KEY_PEPPER: true, JWT_SECRET_PREVIOUS: false });
  expect(Object.keys(json.secrets)).toEqual([...SECRETS]);
  expect(json.variables).toMatchObject({ ENVIRONMENT: true, RERANK_MODEL: false });
  expect(json.bindings).toMatchObject({ DB: true, METER: true });
  expect(text).not.toContain(service.platform.api_secret);
});

test("/debug/db-health asks D1 for real and knows its migrations", async () => {
  const json = await get("/debug/db-health");
  expect(Object.values<{ status: string }>(json.checks).map(({ status }) => status)).toEqual(Array(4).fill("healthy"));
  expect(json.migrations[0]).toBe("0001_core.sql");
  expect(json.size_bytes).toBeGreaterThan(4096);
  expect(json.fence).toBe("none");
});

test("a slow query is kept with its plan, and advises an index where it read a large table", async () => {
  await sql("DROP INDEX feedback_by_creation");
  await sql(`INSERT INTO feedback WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${ADVICE_ROWS_MIN})
    SELECT 'request-' || i, 'k', 'default', 3, NULL, 0 FROM n`);
  plan().rules = [{ binding: "DB", delay_ms: SLOW_QUERY_MS + 20 }];
  await get("/api/v1/usage/summary");
  plan().rules = [];
  for (const path of ["/debug/performance", "/monitoring/performance", "/monitoring/weekly-report"])
    await eventually(async () => {
      const { slow_statements, index_advice } = await get(path);
      const slow = slow_statements.find(({ statement }: { statement: string }) => statement.includes("FROM feedback"));
      expect(slow).toMatchObject({ plan: "SCAN feedback", times: expect.any(Number) });
      expect(slow.max_ms).toBeGreaterThan(SLOW_QUERY_MS);
      expect(index_advice).toMatchObject([{ table: "feedback", rows: ADVICE_ROWS_MIN }]);
    });
});

test("reports count what was asked, and a baseline tells what has become worse since", async () => {
  const list = () => service.call("GET", "/api/v1/documents");
  const listed = ({ endpoints }: { endpoints: { endpoint: string; requests: number }[] }) =>
    endpoints.find(({ endpoint }) => endpoint === "GET /api/v1/documents");
  expect((await get("/monitoring/performance")).comparison).toBeNull();
  await Promise.all(Array.from({ length: 60 }, list));
  await eventually(async () => {
    const report = await get("/monitoring/performance?period=1h");
    expect(listed(report)).toMatchObject({ requests: 60, errors: 0, p50_latency_ms: expect.any(Number) });
  });
  const { status, json: baseline } = await service.call("POST", "/monitoring/baseline-update", { period: "24h" });
  expect([status, listed(baseline)?.requests]).toEqual([200, 60]);

  plan().clock_offset_ms += 2 * 3_600_000;
  plan().rules = [{ binding: "DB", error: "D1_ERROR: down" }];
  await Promise.all(Array.from({ length: 60 }, list));
  plan().rules = [];
  await eventually(async () => {
    const { comparison } = await get("/monitoring/performance?period=1h");
    expect(comparison).toMatchObject({ baseline_taken_at: baseline.taken_at });
    expect(comparison.regressions).toContainEqual({
      endpoint: "GET /api/v1/documents",
      figure: "error_rate",
      baseline: 0,
      now: 1,
    });
  });
  await eventually(async () => {
    const week = await get("/monitoring/weekly-report");
    expect(listed(week)).toMatchObject({ requests: 120, errors: 60 });
    expect(week.comparison.baseline_taken_at).toBe(baseline.taken_at);
  });
  const day = await get("/monitoring/request-volume");
  const { requests } = await get("/metrics?period=24h");
  expect(Math.abs(requests.total - day.total)).toBeLessThanOrEqual(3);
  expect(day.errors).toBeGreaterThanOrEqual(60);
  expect(day.buckets.length).toBeGreaterThanOrEqual(2);
  const weekly = await get("/monitoring/request-volume?period=7d");
  expect(weekly.buckets.reduce((sum: number, bucket: { requests: number }) => sum + bucket.requests, 0)).toBe(
    weekly.total,
  );
});

test("a baseline of nothing is refused", async () => {
  plan().clock_offset_ms += 40 * 86_400_000;
  const { status, json } = await service.call("POST", "/monitoring/baseline-update", { period: "1h" });
  expect([status, json.type]).toEqual([409, "/docs#problem-nothing-measured"]);
});

test("queues are told with what waits, what was done and what died", async () => {
  const batch = await service.call("POST", "/api/v1/documents/batch", { documents: [{ id: "q", text: "Queued." }] });
  await service.job(batch.json.job_id);
  await sql(
    `INSERT INTO dead_letters VALUES ('m1', 'prism-ingest', '{"type":"ingest","job_id":"j","part":0}', 6, 1000)`,
  );
  await eventually(async () => {
    const report = await get("/monitoring/queue-metrics");
    expect(report.messages).toContainEqual({ type: "queue/ingest", outcome: "done", count: 1 });
    expect(report).toMatchObject({ dead_letters: 1, newest_dead_letter_at: "1970-01-01T00:00:01.000Z", open_parts: 0 });
  });
  const status = await get("/debug/queue-status");
  expect(status.queues.map(({ name }: { name: string }) => name)).toEqual(["prism-ingest", "prism-ingest-dead"]);
  expect(status.dead_letters).toEqual([
    { id: "m1", queue: "prism-ingest", type: "ingest", attempts: 6, failed_at: "1970-01-01T00:00:01.000Z" },
  ]);
});

test("capacity is told of each store and allowance", async () => {
  await service.platform.vectorize.flush();
  const { daily, stores } = await get("/monitoring/capacity-report");
  expect(daily.requests).toMatchObject({ limit: 100_000, state: "ok" });
  const [database, vectors] = stores;
  expect(database).toMatchObject({ store: "database", limit: 500_000_000 });
  expect(vectors).toMatchObject({ store: "vectors", used: 384, added_last_7_days: 384, days_left: expect.any(Number) });
});

test("a store that fills up is an alert, as an allowance that runs out is", async () => {
  const { api_url, account_id, api_token, vectorize, runtime } = service.platform;
  const index = generationName(VECTOR_INDEX, VECTOR_INDEX.generation, "local");
  const values = Array(VECTOR_INDEX.dimensions).fill(1);
  const line = (_: unknown, number: number) => JSON.stringify({ id: `full/${number}`, values });
  const lines = Array.from({ length: 10_500 }, line);
  for (let from = 0; from < lines.length; from += 3_500) {
    const { status } = await fetch(`${api_url}/accounts/${account_id}/vectorize/v2/indexes/${index}/upsert`, {
      method: "POST",
      headers: { authorization: `Bearer ${api_token}`, "content-type": "application/x-ndjson" },
      body: lines.slice(from, from + 3_500).join("\n"),
    });
    expect(status).toBe(200);
  }
  await vectorize.flush();
  const { stores } = await get("/monitoring/capacity-report");
  expect(stores[1].usage_percentage).toBeGreaterThan(80);
  await runtime.triggerSchedule(SERVICE, CRONS.worker.checks).catch(() => {});
  const { alerts } = await get("/api/v1/alerts");
  const quotas = alerts.filter(({ rule }: { rule: string }) => rule.startsWith("quota-"));
  expect(quotas).toMatchObject([
    { id: "quota-high:vectors", state: "firing", severity: "warning", runbook: "quota-running-out" },
  ]);
});

test("what was refused for its rate is counted by route", async () => {
  const key = await service.key({ scopes: ["read"], rate_tier: "low" });
  const list = () => service.call("GET", "/api/v1/documents", undefined, { key });
  const refused = (await Promise.all(Array.from({ length: 70 }, list))).filter(({ status }) => status === 429).length;
  expect(refused).toBeGreaterThan(0);
  await eventually(async () => {
    const { policies, refused_last_hour } = await get("/debug/rate-limit-status");
    expect(policies.low).toEqual({ limit: 60, period_s: 60 });
    expect(refused_last_hour).toEqual([{ endpoint: "GET /api/v1/documents", count: refused }]);
  });
});
