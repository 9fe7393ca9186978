/** What the service still does, and what it says, while something it depends on is down. Faults come from the shim. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { BUCKETS, CRONS, SERVICE } from "../infra/inventory.ts";
import type { FaultRule } from "../local/faults.ts";
import { BREAKER_FAILURES_TO_OPEN, BREAKER_OPEN_MS, OVERDUE_AFTER_MS } from "./limits.ts";
import { eventsOf, type Service, startService } from "./service.fixture.ts";

let service: Service;
const logs: string[] = [];
beforeAll(async () => {
  // A model that retrieval does not know gives vectors half of the say, so that their absence shows.
  service = await startService({
    faults: true,
    variables: { EMBEDDING_MODEL: "@test/any-384" },
    on_log: (line) => logs.push(line),
  });
  await write("weevil", "The granary weevil eats stored grain and was described by Linnaeus.");
  await write("moth", "The clothes moth eats wool, fur and feathers.");
  await service.platform.vectorize.flush();
});
afterAll(() => service.close());
afterEach(() => {
  faults();
  // Open circuits close again after their pause; time only moves forward.
  advance(BREAKER_OPEN_MS + 60_000);
});

function plan() {
  if (!service.platform.faults) throw new Error("the platform runs without the shim");
  return service.platform.faults;
}
function faults(...rules: FaultRule[]): void {
  plan().rules = rules;
}
function advance(ms: number): void {
  plan().clock_offset_ms += ms;
}
const down = (binding: string, method?: string): FaultRule => ({
  binding,
  ...(method ? { method } : {}),
  error: `${binding} is down: internal detail 4711`,
});
const write = (id: string, text: string) => service.call("PUT", `/api/v1/documents/${id}`, { title: id, text });
const search = (query: string, mode = "hybrid") => service.call("POST", "/api/v1/search", { query, mode });
const ask = (message: string, more: object = {}) => service.call("POST", "/api/v1/chat", { message, ...more });
const idsOf = (answer: { json: { results: { document_id: string }[] } }) =>
  answer.json.results.map(({ document_id }) => document_id);
async function eventually(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 50));
}
async function rows(sql: string): Promise<unknown[][]> {
  const { runtime } = service.platform;
  const [result] = await runtime.queryD1(runtime.registry.list("d1")[0]?.uuid ?? "", [{ sql }]);
  return result?.rows ?? [];
}

describe("the shim", () => {
  test("the clock moves the Worker's Date, forward and back", async () => {
    const timestamp = async () => {
      advance(60_000);
      return Date.parse((await service.call("GET", "/health")).json.timestamp);
    };
    const before = await timestamp();
    advance(3_600_000);
    const after = await timestamp();
    expect(after - before).toBeGreaterThanOrEqual(3_660_000);
    expect(after - before).toBeLessThan(3_720_000);
  });

  test("a slow binding shows as latency of its own in Server-Timing", async () => {
    faults({ binding: "VECTORIZE", method: "query", delay_ms: 300 });
    const { headers, status } = await search("slow vectors");
    expect(status).toBe(200);
    const [, vector] = /vector;dur=([\d.]+)/.exec(headers.get("server-timing") ?? "") ?? [];
    expect(Number(vector)).toBeGreaterThanOrEqual(290);
  });
});

describe("without Vectorize", () => {
  test("hybrid search answers from full text and says so; vector search is a 503; nothing of it is cached", async () => {
    faults(down("VECTORIZE"));
    const hybrid = await search("granary weevil");
    expect(hybrid.status).toBe(200);
    expect(idsOf(hybrid)).toContain("weevil");
    expect(hybrid.json.degraded.join()).toMatch(/full text only/);
    const vector = await search("granary weevil", "vector");
    expect([vector.status, vector.json.type]).toEqual([503, "/docs#problem-vector-search-down"]);
    expect(vector.headers.get("retry-after")).toBe("15");
    expect(vector.text).not.toContain("4711");
    faults();
    advance(BREAKER_OPEN_MS + 1);
    expect((await search("granary weevil")).json.degraded).toEqual([]);
  });

  test("the circuit opens after a few failures, asks no more, and closes when its pause is over and a try succeeds", async () => {
    faults({ ...down("VECTORIZE", "query"), delay_ms: 50 });
    for (let i = 0; i < BREAKER_FAILURES_TO_OPEN; i += 1) await search(`failure ${i}`);
    faults();
    const open = await search("while it is open");
    expect(open.json.degraded).toHaveLength(1);
    expect((await search("granary weevil", "vector")).status).toBe(503);
    advance(BREAKER_OPEN_MS + 1);
    expect((await search("after the pause")).json.degraded).toEqual([]);
    expect((await search("granary weevil", "vector")).status).toBe(200);
  });

  test("a deletion is owed and paid later; the document is gone from every answer at once", async () => {
    await write("doomed", "The doomed dodo.");
    await service.platform.vectorize.flush();
    faults(down("VECTORIZE"));
    expect((await service.call("DELETE", "/api/v1/documents/doomed")).status).toBe(204);
    faults();
    advance(BREAKER_OPEN_MS + 1);
    expect(idsOf(await search("doomed dodo", "vector"))).not.toContain("doomed");
    await eventually(async () => (await rows("SELECT 1 FROM vector_outbox")).length === 0);
  });
});

describe("while Vectorize is slow", () => {
  test("metadata of an earlier write that arrive late do not stay over those of a later one", async () => {
    const put = (author: string) =>
      service.call("PUT", "/api/v1/documents/late", { text: "The late lemming.", metadata: { author } });
    faults({ binding: "VECTORIZE", method: "upsert", delay_ms: 3_000 });
    const first = put("ann");
    await eventually(async () => (await rows("SELECT 1 FROM documents WHERE external_id = 'late'")).length === 1);
    faults();
    expect((await put("bob")).status).toBe(200);
    await eventually(async () => (await rows("SELECT 1 FROM vector_outbox")).length === 1);
    expect((await first).status).toBe(201);
    await service.platform.vectorize.flush();
    const byAuthor = async (author: string) =>
      idsOf(await service.call("POST", "/api/v1/search", { query: "lemming", mode: "vector", filter: { author } }));
    expect([await byAuthor("ann"), await byAuthor("bob")]).toEqual([[], ["late"]]);
  });
});

describe("without AI", () => {
  test("chat returns the passages with a null answer and says so, as JSON and as a stream", async () => {
    faults(down("AI"));
    const { status, json, text } = await ask("What does the granary weevil eat?");
    expect(status).toBe(200);
    expect(json).toMatchObject({ answer: null, found: false, model: null, cached: false, citations: [] });
    expect(json.sources[0].text).toContain("stored grain");
    expect(json.degraded.join()).toMatch(/No model/);
    expect(text).not.toContain("4711");
    const events = eventsOf((await ask("What does the granary weevil eat?", { stream: true })).text);
    expect(events.map(({ event }) => event)).toEqual(["sources", "usage"]);
    expect(events[1]?.data.degraded.join()).toMatch(/No model/);
    faults();
    advance(BREAKER_OPEN_MS + 1);
    expect((await ask("What does the granary weevil eat?")).json.answer).toContain("grain");
  });

  test("a write stores the text at once and owes the vectors, which cron settles when AI is back", async () => {
    faults(down("AI"));
    const written = await write("owed", "The axolotl regrows its limbs.");
    expect([written.status, written.json.vectors]).toEqual([201, "pending"]);
    expect(idsOf(await search("axolotl limbs", "text"))).toEqual(["owed"]);
    await eventually(async () => logs.some((line) => line.includes("queue message failed")));
    expect(await rows("SELECT count(*) FROM vector_outbox")).toEqual([[1]]);
    faults();
    advance(OVERDUE_AFTER_MS + 1);
    await service.platform.runtime.triggerSchedule(SERVICE, CRONS.worker.checks);
    await eventually(async () => (await rows("SELECT 1 FROM vector_outbox")).length === 0);
    await service.platform.vectorize.flush();
    expect(idsOf(await search("axolotl limbs", "vector"))[0]).toBe("owed");
    const [[unplaced]] = (await rows("SELECT count(*) FROM chunks WHERE pack_id IS NULL")) as [[number]];
    expect(unplaced).toBe(0);
  });
});

describe("without D1", () => {
  test("every route that needs it is a 5xx problem without a word of the inside, and known keys stay known", async () => {
    await search("warm up the key");
    faults(down("DB"));
    for (const [method, path, body] of [
      ["POST", "/api/v1/search", { query: "anything new" }],
      ["POST", "/api/v1/chat", { message: "anything new?" }],
      ["GET", "/api/v1/documents", undefined],
      ["PUT", "/api/v1/documents/x", { text: "x" }],
      ["DELETE", "/api/v1/documents/weevil", undefined],
    ] as const) {
      const { status, headers, json, text } = await service.call(method, path, body);
      expect([path, status]).toEqual([path, expect.toBeOneOf([500, 503])]);
      expect(headers.get("content-type")).toContain("application/problem+json");
      expect(json).toMatchObject({ status, request_id: headers.get("x-request-id") });
      expect(text).not.toMatch(/4711|at \w+ \(|worker\.js/);
    }
    // A stream has begun with 200: its event says what the answer would have.
    const [refused] = eventsOf((await ask("anything newer?", { stream: true })).text);
    const { json: whole } = await ask("anything newer?");
    expect(refused).toMatchObject({ event: "error", data: { status: whole.status, detail: whole.detail } });
    const unknown = `prism_${"0".repeat(12)}_${"a".repeat(40)}`;
    expect((await service.call("GET", "/api/v1/documents", undefined, { key: unknown })).status).toBe(503);
    advance(60_000);
    const ready = await service.call("GET", "/health/ready");
    expect([ready.status, ready.json]).toEqual([503, expect.objectContaining({ ready: false })]);
    const health = await service.call("GET", "/health");
    expect([health.status, health.json.status]).toEqual([503, "unhealthy"]);
    expect((await service.call("GET", "/livez")).status).toBe(200);
  });

  test("a transient error of a read is tried again and not seen by the caller, but counted", async () => {
    const counted = async () => {
      const { text } = await service.call("GET", "/metrics?format=prometheus");
      return Number(/^prism_dependency_errors_total\{dependency="database",call="query"\} (\d+)/m.exec(text)?.[1]);
    };
    const before = await counted();
    faults({ binding: "DB", error: "D1_ERROR: Network connection lost.", probability: 0.3 });
    const answers = await Promise.all(Array.from({ length: 30 }, (_, i) => search(`transient ${i}`, "text")));
    const answered = answers.filter(({ status }) => status === 200).length;
    expect(answered).toBeGreaterThanOrEqual(25);
    faults();
    await eventually(async () => (await counted()) - before > answers.length - answered);
  });
});

describe("without KV", () => {
  test("search, chat and writes work; health says degraded and stays ready", async () => {
    faults(down("CACHE"), down("CONFIG"));
    advance(60_000);
    expect((await search("granary weevil kv")).status).toBe(200);
    expect((await ask("What does the clothes moth eat?")).json.answer).toContain("wool");
    expect((await write("kvless", "Written without KV.")).status).toBe(201);
    const health = await service.call("GET", "/health");
    expect([health.status, health.json.status, health.json.services.kv.status]).toEqual([200, "degraded", "unhealthy"]);
    expect((await service.call("GET", "/readyz")).json.ready).toBe(true);
  });
});

describe("without R2", () => {
  test("a batch is refused as unavailable and leaves no job; a single write keeps its text and owes its vectors", async () => {
    const jobs = await rows("SELECT count(*) FROM jobs");
    faults(down("VECTOR_PACKS"));
    const batch = { documents: [{ id: "lost", text: "Lost in R2." }] };
    const refused = await service.call("POST", "/api/v1/documents/batch", batch);
    expect(refused.status).toBe(503);
    expect(refused.headers.get("content-type")).toContain("application/problem+json");
    expect(refused.text).not.toContain("4711");
    expect(await rows("SELECT count(*) FROM jobs")).toEqual(jobs);
    const single = await write("packless", "Stored although no pack could be written.");
    expect([single.status, single.json.vectors]).toEqual([201, "pending"]);
    faults();
    const bucket = await service.platform.runtime.r2(BUCKETS.vectors.name);
    expect((await bucket.list({ prefix: "staging/" })).objects).toEqual([]);
    expect((await service.call("GET", "/api/v1/documents/lost")).status).toBe(404);
  });
});

describe("without the queue", () => {
  test("a batch that cannot be announced is still accepted, and cron sends it", async () => {
    faults(down("INGEST_QUEUE"));
    const batch = { documents: [{ id: "unannounced", text: "Nobody was told." }] };
    const accepted = await service.call("POST", "/api/v1/documents/batch", batch);
    expect(accepted.status).toBe(202);
    faults();
    advance(OVERDUE_AFTER_MS + 1);
    await service.platform.runtime.triggerSchedule(SERVICE, CRONS.worker.checks);
    expect((await service.job(accepted.json.job_id)).state).toBe("done");
    expect((await service.call("GET", "/api/v1/documents/unannounced")).status).toBe(200);
  });
});

describe("without the meter", () => {
  test("requests are answered", async () => {
    faults(down("METER"));
    expect((await search("unmetered weevil")).status).toBe(200);
    expect((await service.call("GET", "/livez", undefined, { key: null })).status).toBe(200);
    // What was counted just before the fault goes with the next call that reaches the meter.
    await eventually(async () => {
      expect((await search("unmetered weevil")).status).toBe(200);
      return logs.some((line) => line.includes("work could not be metered"));
    });
  });
});
