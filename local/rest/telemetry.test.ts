import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { LogQueries } from "../telemetry/log-query.ts";
import { LogStore } from "../telemetry/log-store.ts";
import { line, logged, trace } from "../telemetry/trace.fixture.ts";
import type { Trace } from "../telemetry/trace.ts";
import { type RestUnderTest, startRest } from "./rest-server.fixture.ts";

const START = Date.UTC(2026, 10, 1);
const timeframe = { from: START - 1000, to: START + 3_600_000 };

let rest: RestUnderTest;
let query: RestUnderTest["client"]["workers"]["observability"]["telemetry"]["query"];
type Parameters = NonNullable<globalThis.Parameters<typeof query>[0]["parameters"]>;
const kept = (one: Trace) => ({ ...line(one), invocation_logs: true });

/** Ten requests of a minute each; every fifth fails, and each says how long it took. */
const requests = Array.from({ length: 10 }, (_, index) => {
  const begun_ms = START + index * 60_000;
  const failed = index % 5 === 4;
  const text = JSON.stringify({
    level: failed ? "ERROR" : "INFO",
    message: failed ? "request failed" : "request",
    duration_ms: (index + 1) * 10,
    tenant: index % 2 === 0 ? "even" : "odd",
    tokens: { in: index },
    cached: index > 7,
  });
  return trace({
    begun_ms,
    ended_ms: begun_ms + 5 + index,
    version_id: index < 5 ? "old" : "new",
    logs: [logged(text, failed ? "error" : "log", begun_ms + 1)],
    exceptions: failed ? [{ name: "TypeError", message: "no such thing", timestamp: begun_ms + 2 }] : [],
    outcome: failed ? "exception" : "ok",
  });
});

beforeAll(async () => {
  rest = await startRest();
  rest.engine.clock_offset_ms = START + 86_400_000 - Date.now();
  const { telemetry } = rest.client.workers.observability;
  query = telemetry.query.bind(telemetry);
  for (const request of requests) rest.logs.add([kept(request)], 0);
});
afterAll(() => rest?.close());

const ask = (parameters: Parameters, changes: object = {}) =>
  query({ account_id: rest.account_id, queryId: "adhoc", timeframe, parameters, ...changes });
const leaf = (key: string, operation: string, value?: unknown, type = "string") =>
  ({ key, operation, type, ...(value === undefined ? {} : { value }) }) as never;
const lines = leaf("$metadata.type", "eq", "cf-worker");

test("an invocation is an event, and so is each line and each exception, all under one id", async () => {
  const { run, events, statistics } = await ask({}, { view: "events", limit: 3 });
  expect(run).toMatchObject({ status: "COMPLETED", accountId: rest.account_id, query: { id: "adhoc", adhoc: true } });
  expect(statistics.rows_read).toBe(22);
  expect(events?.count).toBe(22);
  const [exception, text, invocation] = events?.events ?? [];
  expect(invocation).toMatchObject({
    dataset: "cloudflare-workers",
    timestamp: START + 540_000,
    $metadata: {
      type: "cf-worker-event",
      service: "prism",
      trigger: "POST /api/v1/search",
      statusCode: 200,
      origin: "fetch",
      level: "error",
    },
    $workers: {
      eventType: "fetch",
      outcome: "exception",
      wallTimeMs: 14,
      scriptName: "prism",
      scriptVersion: { id: "new" },
      event: { request: { method: "POST", path: "/api/v1/search", search: { limit: "3" } } },
    },
  });
  expect(text).toMatchObject({
    source: { level: "ERROR", duration_ms: 100, tokens: { in: 9 } },
    $metadata: { type: "cf-worker", level: "error", message: "request failed", error: "request failed" },
  });
  expect(exception?.source).toMatchObject({ exception: { name: "TypeError", message: "no such thing" } });
  const ids = new Set([exception, text, invocation].map((one) => one?.$metadata.requestId));
  expect([...ids]).toEqual([requests[9]?.id]);
});

test("pages follow each other without a gap or a repetition, newest first, and back", async () => {
  const seen: string[] = [];
  for (let offset: string | undefined; ; ) {
    const { events } = await ask({}, { limit: 5, ...(offset === undefined ? {} : { offset }) });
    const page = events?.events ?? [];
    if (page.length === 0) break;
    seen.push(...page.map((one) => one.$metadata.id));
    offset = seen.at(-1);
  }
  expect(seen).toHaveLength(22);
  expect(seen).toEqual([...new Set(seen)].toSorted().toReversed());
  const { events } = await ask({}, { limit: 3, offset: seen[10], offsetDirection: "prev" });
  expect(events?.events?.map((one) => one.$metadata.id)).toEqual(seen.slice(7, 10));
});

test.each<[string, Parameters, number]>([
  ["a line's own field", { filters: [leaf("duration_ms", "gte", 80, "number")] }, 3],
  ["a field within a field", { filters: [leaf("tokens.in", "lt", 2, "number")] }, 2],
  ["a boolean", { filters: [leaf("cached", "eq", true, "boolean")] }, 2],
  ["a field of another type is another field", { filters: [leaf("duration_ms", "exists", undefined, "string")] }, 0],
  ["the version", { filters: [leaf("$workers.scriptVersion.id", "=", "old"), lines] }, 6],
  ["a pattern", { filters: [leaf("$metadata.message", "regex", "^request( failed)?$"), lines] }, 10],
  ["a set", { filters: [leaf("tenant", "in", "odd, nobody")] }, 5],
  ["what is not there", { filters: [lines, leaf("tenant", "is_null")] }, 2],
  ["any of them", { filterCombination: "or", filters: [leaf("tenant", "eq", "odd"), leaf("level", "eq", "ERROR")] }, 6],
  [
    "groups",
    {
      filters: [
        lines,
        {
          kind: "group",
          filterCombination: "or",
          filters: [leaf("tenant", "eq", "odd"), leaf("tokens.in", "eq", 0, "number")],
        },
      ],
    },
    6,
  ],
  ["a needle in any field", { needle: { value: "NO SUCH" } as never }, 2],
  ["a needle of one case", { needle: { value: "NO SUCH", matchCase: true } as never }, 0],
])("events are found by %s", async (_, parameters, expected) => {
  const { events } = await ask(parameters);
  expect(events?.count).toBe(expected);
});

test("calculations count, average and rank, by groups, with a condition, in the order that was asked for", async () => {
  const { calculations } = await ask(
    {
      filters: [lines],
      calculations: [
        { operator: "count", alias: "lines" },
        { operator: "p90", key: "duration_ms", keyType: "number", alias: "slow" },
        { operator: "avg", key: "duration_ms", keyType: "number" },
        { operator: "uniq", key: "level", keyType: "string" },
      ],
      groupBys: [{ type: "string", value: "tenant" }],
      havings: [{ key: "lines", operation: "gt", value: 4 }],
      orderBy: { value: "slow", order: "desc" },
    },
    { view: "calculations" },
  );
  const values = calculations?.map(({ alias, calculation, aggregates }) => [
    alias ?? calculation,
    aggregates.map(({ value, groups }) => [groups?.[0]?.value, value]),
  ]);
  expect(values).toEqual([
    [
      "lines",
      [
        ["odd", 5],
        ["even", 5],
      ],
    ],
    [
      "slow",
      [
        ["odd", 100],
        ["even", 90],
      ],
    ],
    [
      "avg",
      [
        ["odd", 60],
        ["even", 50],
      ],
    ],
    [
      "uniq",
      [
        ["odd", 2],
        ["even", 2],
      ],
    ],
  ]);
  const overTime = calculations?.[0]?.series.flatMap(({ data }) => data.map((one) => one.count)) ?? [];
  expect(overTime.reduce((a, b) => a + b, 0)).toBe(10);
});

test("an invocation of which one event matches is shown whole, in the order of time", async () => {
  const { invocations } = await ask({ needle: { value: "no such thing" } as never }, { view: "invocations" });
  expect(Object.keys(invocations ?? {})).toEqual([requests[9]?.id, requests[4]?.id]);
  expect(invocations?.[requests[4]?.id ?? ""]?.map((one) => one.$metadata.type)).toEqual([
    "cf-worker-event",
    "cf-worker",
    "cf-worker",
  ]);
});

async function listed<T>(all: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const one of all) list.push(one);
  return list;
}

test("keys and values say what can be asked for", async () => {
  const at = { account_id: rest.account_id };
  const { telemetry } = rest.client.workers.observability;
  const keys = await listed(telemetry.keys({ ...at, keyNeedle: { value: "TOKEN" } }));
  expect(keys).toEqual([{ key: "tokens.in", type: "number", lastSeenAt: START + 540_001 }]);
  const values = telemetry.values({ ...at, datasets: [], key: "level", type: "string", timeframe, filters: [lines] });
  expect((await listed(values)).map(({ value }) => value)).toEqual(["INFO", "ERROR", "error"]);
});

test.each<[string, object]>([
  ["an unknown operation", { parameters: { filters: [leaf("a", "resembles", "b")] } }],
  ["an operation without its value", { parameters: { filters: [leaf("a", "eq")] } }],
  ["a pattern that is none", { parameters: { filters: [leaf("a", "regex", "(")] } }],
  ["groups that are too deep", { parameters: { filters: [nested(5)] } }],
  ["an unknown operator", { view: "calculations", parameters: { calculations: [{ operator: "mode", key: "a" }] } }],
  ["an operator without its key", { view: "calculations", parameters: { calculations: [{ operator: "avg" }] } }],
  ["a view without calculations", { view: "calculations", parameters: {} }],
  ["a time that ends before it begins", { parameters: {}, timeframe: { from: 2, to: 1 } }],
  ["a time with fractions", { parameters: {}, timeframe: { from: 1.5, to: 2 } }],
  ["an unknown field", { parameters: {}, since: "1h" }],
  ["a view that is not kept here", { parameters: {}, view: "traces" }],
])("refused: %s", async (_, body) => {
  const answer = await rest.call("POST", "/workers/observability/telemetry/query", {
    queryId: "adhoc",
    timeframe,
    ...body,
  });
  expect(answer).toMatchObject({ status: 400, body: { success: false, errors: [{ code: 1001 }] } });
});

function nested(depth: number): object {
  return depth === 0 ? leaf("a", "exists") : { kind: "group", filterCombination: "and", filters: [nested(depth - 1)] };
}

test("a filter and its opposite share all events between them", async () => {
  const operations = fc.constantFrom(
    ["includes", "not_includes"],
    ["in", "not_in"],
    ["eq", "neq"],
    ["exists", "is_null"],
  );
  const keys = fc.constantFrom("tenant", "level", "$metadata.message", "$workers.outcome", "nothing");
  await fc.assert(
    fc.asyncProperty(operations, keys, fc.constantFrom("odd", "ok", "e", "", "request"), async (pair, key, value) => {
      const counts = await Promise.all(
        pair.map(async (one) => (await ask({ filters: [leaf(key, one, value)] })).events),
      );
      expect(counts.reduce((sum, events) => sum + (events?.count ?? 0), 0)).toBe(22);
    }),
    { numRuns: 30 },
  );
});

test("logs are kept for the days of the plan, and no more of them than there is room for", async () => {
  const options = { account_id: "a", now: () => now_ms, plan: "free" as const };
  let now_ms = START;
  const all = async (store: LogStore) => (await listed(store.events({ from: 0, to: START * 2 }))).length;
  const old = new LogStore(":memory:", options);
  old.add([kept(trace({ begun_ms: START }))], 0);
  now_ms += 3 * 86_400_000;
  expect(await all(old)).toBe(1);
  now_ms += 13;
  expect(await all(old)).toBe(0);
  old.close();
  const small = new LogStore(":memory:", options, 20_000);
  for (let n = 0; n < 100; n++)
    small.add([kept(trace({ begun_ms: now_ms + n, logs: [logged("x".repeat(500), "log", now_ms + n)] }))], 0);
  const times = (await listed(small.events({ from: now_ms - 1, to: START * 2 }))).map((one) => one.timestamp);
  small.close();
  expect(times.length).toBeLessThan(50);
  expect(Math.max(...times)).toBe(now_ms + 99);
});

test("a regular expression that backtracks without end is given up, and holds nobody else for longer", async () => {
  const store = new LogStore(":memory:", { account_id: "a", now: () => START, plan: "free" });
  const endless = `${"a".repeat(60)}!`;
  store.add(
    [kept(trace({ begun_ms: START, logs: [logged(JSON.stringify({ [endless]: endless }), "log", START)] }))],
    0,
  );
  const queries = new LogQueries(store, 50);
  const refused = expect.objectContaining({
    status: 400,
    message: expect.stringMatching(/longer than 0.05 s: simplify/),
  });
  const needle = { value: "^(a+)+b$", isRegex: true };
  const filters = [{ key: endless, operation: "regex", type: "string", value: "^(a+)+b$" } as const];
  await expect(queries.events({ timeframe, needle, limit: 1, direction: "next" })).rejects.toEqual(refused);
  await expect(queries.values({ timeframe, filters }, "level", "string", 1)).rejects.toEqual(refused);
  await expect(queries.keys({ timeframe }, needle, 1)).rejects.toEqual(refused);
  await expect(queries.keys({ timeframe }, { value: "^a+!$", isRegex: true }, 9)).resolves.toMatchObject([
    { key: endless },
  ]);
  store.close();
});
