/** What `/metrics` says, held against what was done and what the log says of it. */
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { ALLOWANCES_PER_DAY } from "../../infra/cloudflare-limits.ts";
import { CRONS, METER_SHARDS, SERVICE } from "../../infra/inventory.ts";
import { liveVersion } from "../../local/workerd.ts";
import { SKETCH_RELATIVE_ERROR } from "../limits.ts";
import { type Service, startService } from "../service.fixture.ts";

const HOUR_MS = 3_600_000;

const logs: string[] = [];
let service: Service;
beforeAll(async () => {
  service = await startService({ faults: true, variables: { LOG_LEVEL: "INFO" }, on_log: (line) => logs.push(line) });
});
afterAll(() => service.close());
afterEach(() => setFaults([]));

function setFaults(rules: NonNullable<Service["platform"]["faults"]>["rules"]) {
  if (!service.platform.faults) throw new Error("the platform runs without the shim");
  service.platform.faults.rules = rules;
}
function advance(by_ms: number) {
  if (service.platform.faults) service.platform.faults.clock_offset_ms += by_ms;
}

type Line = { message: string; endpoint?: string; duration_ms: number; status_code: number };
/** The lines that end a request: whatever the meter counts, the log has told before. */
const requestLines = (): Line[] =>
  logs
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line))
    .filter(({ message, endpoint }) => message === "request" && endpoint !== undefined);

const metrics = async (query = "") => (await service.call("GET", `/metrics${query}`)).json;
/** Samples of the text that Prometheus reads, by name and labels as printed. */
async function samples(accept = "text/plain"): Promise<Map<string, number>> {
  const { text } = await service.call("GET", "/metrics", undefined, { headers: { accept } });
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(
    lines.map((line) => [line.slice(0, line.lastIndexOf(" ")), Number(line.slice(line.lastIndexOf(" ") + 1))]),
  );
}
const counted = (all: Map<string, number>, name: string) =>
  [...all].filter(([series]) => series.startsWith(name)).reduce((sum, [, value]) => sum + value, 0);

/** An answer of `/metrics` that counts just what the log had told when it was asked for, once that is so. */
async function settled() {
  return vi.waitFor(
    async () => {
      const told = requestLines();
      const answer = await metrics();
      expect(answer.requests.total).toBe(told.length);
      return { answer, told };
    },
    { timeout: 60_000, interval: 100 },
  );
}

/** Counts are those of the log, and percentiles within their error; returns how many requests failed. */
function expectTruth(figures: Awaited<ReturnType<typeof metrics>>, told: readonly Line[]): number {
  const errors = told.filter(({ status_code }) => status_code >= 500).length;
  expect(figures.requests).toEqual({
    total: told.length,
    success: told.length - errors,
    error: errors,
    success_rate: (told.length - errors) / told.length,
  });
  const sorted = told.map(({ duration_ms }) => duration_ms).sort((a, b) => a - b);
  for (const percent of [50, 95, 99]) {
    const truth = sorted[Math.ceil((percent / 100) * sorted.length) - 1] ?? Number.NaN;
    const estimate = figures.performance[`p${percent}_latency_ms`];
    expect(Math.abs(estimate - truth)).toBeLessThanOrEqual(SKETCH_RELATIVE_ERROR * truth * (1 + 1e-9));
  }
  return errors;
}

test("counts equal what was done, over shards and for the queue and cron as well; percentiles are within their error", async () => {
  const keys = await Promise.all(
    Array.from({ length: 4 * METER_SHARDS }, () => service.key({ scopes: ["read", "chat", "write"] })),
  );
  const documents = [{ id: "queued", text: "The weevil eats rice." }];
  const batch = await service.call("POST", "/api/v1/documents/batch", { documents });
  await service.job(batch.json.job_id);
  await service.platform.runtime.triggerSchedule(SERVICE, CRONS.worker.checks);
  await Promise.all(
    keys.map(async (key, index) => {
      await service.call("PUT", `/api/v1/documents/d${index}`, { text: `Weevil number ${index}.` }, { key });
      await service.call("POST", "/api/v1/search", { query: `weevil ${index}` }, { key });
      await service.call("GET", "/api/v1/documents/absent", undefined, { key });
      await service.call("POST", "/api/v1/search", { wrong: true }, { key });
    }),
  );
  const question = { message: "What does the weevil eat?" };
  const { json: answer } = await service.call("POST", "/api/v1/chat", question);
  await service.call("POST", "/api/v1/chat", question);
  setFaults([{ binding: "DB", error: "D1_ERROR: down" }]);
  await service.call("POST", "/api/v1/search", { query: "nothing" }, { key: keys[0] ?? "" });
  setFaults([]);

  const { answer: figures, told } = await settled();
  const errors = expectTruth(figures, told);
  expect(errors).toBeGreaterThan(0);
  const { tokens_in, tokens_out, tokens_saved } = answer.usage;
  expect(figures.tokens).toMatchObject({ input: tokens_in, output: tokens_out, saved: tokens_saved });
  expect(figures.cache).toMatchObject({ total_hits: 1 });
  expect(figures.resources.d1_rows_written.used).toBeGreaterThan(keys.length);
  expect(figures.resources.neurons_limit).toBe(ALLOWANCES_PER_DAY.free.neurons);

  const { json: series } = await service.call("GET", "/dashboard/series?period=1h");
  const sum = (name: string) =>
    series.steps.reduce((total: number, step: Record<string, number>) => total + (step[name] ?? 0), 0);
  expect(series.steps).toHaveLength(30);
  expect(sum("requests")).toBeGreaterThanOrEqual(told.length);
  expect([sum("errors"), sum("tokens_sent"), sum("tokens_saved")]).toEqual([errors, tokens_in, tokens_saved]);

  const all = await samples();
  expect(counted(all, 'prism_requests_total{endpoint="/api/v1/documents/:id",method="PUT",code="201"')).toBe(
    keys.length,
  );
  expect(counted(all, 'prism_requests_total{endpoint="/api/v1/search",method="POST",code="200"')).toBe(keys.length);
  expect(counted(all, 'prism_requests_total{endpoint="/api/v1/search",method="POST",code="400"')).toBe(keys.length);
  expect(counted(all, 'prism_request_duration_seconds_count{endpoint="/api/v1/chat"')).toBe(2);
  expect(all.get('prism_work_total{kind="message",endpoint="queue/ingest",outcome="done"}')).toBe(1);
  expect(all.get('prism_work_total{kind="task",endpoint="cron/resend-overdue",outcome="done"}')).toBe(1);
  expect(all.get('prism_cache_lookups_total{cache="memory"}')).toBe(1);
});

test("Prometheus sees how full the stores are, as the report of capacity does; where they do not answer, all else", async () => {
  const { json: report } = await service.call("GET", "/monitoring/capacity-report");
  const all = await samples();
  for (const { store, used, limit } of report.stores) {
    expect(all.get(`prism_store_used{resource="${store}"}`)).toBe(used);
    expect(all.get(`prism_store_limit{resource="${store}"}`)).toBe(limit);
  }
  expect(report.stores.map(({ used }: { used: number }) => used > 0)).toEqual([true, true]);
  setFaults([{ binding: "VECTORIZE", error: "VECTOR_QUERY_ERROR: down" }]);
  const hurt = await samples();
  setFaults([]);
  expect(counted(hurt, "prism_store_")).toBe(0);
  expect(counted(hurt, "prism_allowance_limit")).toBeGreaterThan(0);
});

test("isolates at work side by side count into one meter, and nothing of either is lost", async () => {
  const live = liveVersion(service.platform.runtime.registry, SERVICE);
  const beside = await service.account("POST", `workers/workers/${SERVICE}/versions`, {
    main_module: live?.main_module,
    modules: Object.entries(live?.modules ?? {}).map(([name, { content, content_type }]) => ({
      name,
      content_type,
      content_base64: Buffer.from(content).toString("base64"),
    })),
    compatibility_date: live?.compatibility_date,
    compatibility_flags: live?.compatibility_flags,
    bindings: live?.bindings,
  });
  const versions = [live?.id, beside.id].map((version_id) => ({ version_id, percentage: 50 }));
  await service.account("POST", `workers/scripts/${SERVICE}/deployments`, { strategy: "percentage", versions });
  const answered = new Set<string | null>();
  const list = async () =>
    answered.add((await service.call("GET", "/api/v1/documents")).headers.get("x-worker-version"));
  await Promise.all(Array.from({ length: 60 }, list));
  expect(answered).toEqual(new Set([live?.id, beside.id]));
  const { answer: figures, told } = await settled();
  expectTruth(figures, told);
  expect(counted(await samples(), 'prism_requests_total{endpoint="/api/v1/documents",method="GET",code="200"')).toBe(
    60,
  );
  await service.account("POST", `workers/scripts/${SERVICE}/deployments`, {
    strategy: "percentage",
    versions: [{ version_id: live?.id, percentage: 100 }],
  });
});

test("Prometheus is answered in the format that it asks for, and every line of it is of that format", async () => {
  const name =
    /^[a-z][a-z0-9_]*(?:\{[a-z]+="(?:[^"\\\n]|\\.)*"(?:,[a-z]+="(?:[^"\\\n]|\\.)*")*\})? -?[0-9.]+(?:e[-+]?\d+)?$/;
  const open = await service.call("GET", "/metrics", undefined, {
    headers: { accept: "application/openmetrics-text" },
  });
  expect(open.headers.get("content-type")).toBe("application/openmetrics-text; version=1.0.0; charset=utf-8");
  expect(open.text.endsWith("# EOF\n")).toBe(true);
  expect(open.text).toContain("# TYPE prism_requests counter\n");
  expect(open.text).toContain("# TYPE prism_allowance_runs_out_timestamp_seconds gauge\n");
  const plain = await service.call("GET", "/metrics?format=prometheus");
  expect(plain.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
  expect(plain.text).toContain("# TYPE prism_requests_total counter\n");
  for (const { text } of [open, plain])
    for (const line of text.trimEnd().split("\n")) if (!line.startsWith("# ")) expect(line).toMatch(name);
});

test("buckets of a histogram never fall and end at its count", async () => {
  const all = await samples();
  const buckets = [...all].filter(([series]) =>
    series.startsWith('prism_request_duration_seconds_bucket{endpoint="/api/v1/search"'),
  );
  expect(buckets.map(([, count]) => count)).toEqual(buckets.map(([, count]) => count).sort((a, b) => a - b));
  expect(buckets.at(-1)?.[1]).toBe(all.get('prism_request_duration_seconds_count{endpoint="/api/v1/search"}'));
});

describe("as time goes by", () => {
  test("a period forgets what lies before it, and a counter forgets nothing", async () => {
    const { answer: before } = await settled();
    const searches = 'prism_requests_total{endpoint="/api/v1/search"';
    const counter = counted(await samples(), searches);
    expect(before.requests.total).toBeGreaterThan(counter);
    for (const { after_ms, without, within } of [
      { after_ms: 26 * HOUR_MS, without: "24h", within: "7d" },
      { after_ms: 7 * 24 * HOUR_MS, without: "7d", within: "30d" },
    ]) {
      advance(after_ms);
      await service.call("GET", "/livez");
      await expect
        .poll(async () => (await metrics(`?period=${within}`)).requests.total)
        .toBeGreaterThan(before.requests.total);
      expect((await metrics(`?period=${without}`)).requests.total).toBeLessThan(before.requests.total);
      expect(counted(await samples(), searches)).toBe(counter);
    }
    advance(31 * 24 * HOUR_MS);
    await service.call("GET", "/livez");
    await expect.poll(async () => (await metrics("?period=30d")).requests.total).toBeGreaterThan(0);
    expect((await metrics("?period=30d")).requests.total).toBeLessThan(before.requests.total);
    expect(counted(await samples(), searches)).toBe(counter);
  });
});

test("figures of all tenants are for the operator's keys with the scope, and not to be had while the meter is silent", async () => {
  const read = (key: string) => service.call("GET", "/metrics", undefined, { key });
  expect((await read(await service.key({ scopes: ["metrics"] }))).status).toBe(200);
  expect((await read(await service.key({ scopes: ["read"] }))).json.type).toMatch(/missing-scope$/);
  expect((await read(await service.key({ tenant: "acme", scopes: ["admin"] }))).json.type).toMatch(/operator-route$/);
  setFaults([{ binding: "METER", error: "down" }]);
  const silent = await service.call("GET", "/metrics");
  expect([silent.status, silent.json.type]).toEqual([503, expect.stringMatching(/metrics-unavailable$/)]);
});
