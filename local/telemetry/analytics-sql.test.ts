import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type RestUnderTest, startRest } from "../rest/rest-server.fixture.ts";

const NOW = Date.UTC(2026, 10, 20, 12, 30);

let rest: RestUnderTest;
beforeAll(async () => {
  rest = await startRest();
  rest.engine.clock_offset_ms = NOW - Date.now();
  const points = Array.from({ length: 20 }, (_, index) => ({
    dataset: "requests",
    at_ms: NOW - index * 600_000,
    point: { indexes: ["search"], blobs: [index % 2 === 0 ? "ok" : "failed", "it's"], doubles: [index, 5] },
  }));
  rest.points.add(points);
  rest.points.add([{ dataset: "others", at_ms: NOW, point: {} }]);
});
afterAll(() => rest?.close());

async function ask(sql: string) {
  const response = await fetch(`${rest.url}/accounts/${rest.account_id}/analytics_engine/sql`, {
    method: "POST",
    headers: { Authorization: "Bearer test-token" },
    body: sql,
  });
  const text = await response.text();
  return { status: response.status, text, json: response.ok && text.startsWith('{"meta"') ? JSON.parse(text) : null };
}

test("rows have names and types as ClickHouse's JSON has them", async () => {
  const { json } = await ask(
    "SELECT toStartOfInterval(timestamp, INTERVAL '1' HOUR) AS hour, count() AS n, SUM(_sample_interval) AS total, avg(double1) AS mean FROM requests WHERE blob1 = 'ok' GROUP BY hour ORDER BY hour DESC LIMIT 1 FORMAT JSON",
  );
  expect(json).toEqual({
    meta: [
      { name: "hour", type: "DateTime" },
      { name: "n", type: "UInt64" },
      { name: "total", type: "UInt64" },
      { name: "mean", type: "Float64" },
    ],
    data: [{ hour: "2026-11-20 12:00:00", n: "2", total: "2", mean: 1 }],
    rows: 1,
    rows_before_limit_at_least: 1,
  });
});

test.each<[string, unknown]>([
  ["SELECT count() AS n FROM requests WHERE timestamp > NOW() - INTERVAL '1' HOUR", "6"],
  ["SELECT count() AS n FROM requests WHERE timestamp >= toDateTime('2026-11-20 12:00:00')", "4"],
  ["SELECT count() AS n FROM requests WHERE timestamp < '2026-11-20 10:00:00'", "4"],
  ["SELECT quantileExactWeighted(0.5)(double1, _sample_interval) AS n FROM requests", 9],
  ["SELECT quantileWeighted(0.95, double1, _sample_interval) AS n FROM requests", 18],
  ["SELECT countIf(blob1 = 'failed') AS n FROM requests", "10"],
  ["SELECT sumIf(double2, blob1 = 'ok') / SUM(_sample_interval) AS n FROM requests", 2.5],
  ["SELECT count(DISTINCT blob1) AS n FROM requests", "2"],
  ["SELECT 1/4 AS n FROM requests LIMIT 1", 0.25],
  ["SELECT max(timestamp) AS n FROM requests", "2026-11-20 12:30:00"],
  ["SELECT if(double1 > 18, blob2, 'no') AS n FROM requests ORDER BY double1 DESC LIMIT 1", "it's"],
  ["SELECT count() AS n FROM requests WHERE blob2 = 'it''s' AND blob1 LIKE 'O%'", "0"],
  ["SELECT max(many) AS n FROM (SELECT count() AS many FROM requests GROUP BY blob1 HAVING many > 5)", 10],
])("%s", async (sql, expected) => {
  const { text, json } = await ask(sql);
  expect(json?.data?.[0]?.n, text).toEqual(expected);
});

test("the tables are those that were written to, and rows may come one a line", async () => {
  expect((await ask("SHOW TABLES")).json.data).toEqual([{ dataset: "others" }, { dataset: "requests" }]);
  const { text } = await ask(
    "SELECT blob1, count() AS n FROM requests GROUP BY blob1 ORDER BY blob1 FORMAT JSONEachRow;",
  );
  expect(text).toBe('{"blob1":"failed","n":"10"}\n{"blob1":"ok","n":"10"}\n');
});

test.each([
  ["DELETE FROM points", /only SELECT/],
  ["SELECT * FROM sqlite_master", /table sqlite_master does not exist/],
  ["SELECT sql FROM requests", /unknown column or word "sql"/],
  ["SELECT load_extension('x') FROM requests", /function load_extension is not supported/],
  ["SELECT topK(3)(blob1) FROM requests", /function topK is not supported/],
  ["SELECT 1 FROM requests; SELECT 2 FROM requests", /unexpected ";/],
  ["SELECT 1 FROM requests FORMAT TabSeparated", /FORMAT TabSeparated is not supported/],
  ["SELECT count() FROM requests WHERE timestamp > NOW() - INTERVAL '1' MONTH", /INTERVAL takes/],
  ["SELECT count( FROM requests", /cannot be run/],
  ["SELECT count() FROM requests, points", /unknown column or word "points"/],
  ["SELECT count() FROM requests JOIN others", /unknown column or word "JOIN"/],
])("refused: %s", async (sql, reason) => {
  const { status, text } = await ask(sql);
  expect([status, text]).toEqual([422, expect.stringMatching(reason)]);
});

test("whatever the statement, it reads data points or is refused", async () => {
  const words = [
    "SELECT",
    "FROM",
    "requests",
    "(",
    ")",
    ",",
    "blob1",
    "count",
    "points",
    "'",
    "WHERE",
    "=",
    "1",
    "AS",
    "sqlite_master",
    "--",
    '"',
    "x",
  ];
  await fc.assert(
    fc.asyncProperty(fc.array(fc.constantFrom(...words), { maxLength: 12 }), async (parts) => {
      expect([200, 422]).toContain((await ask(`SELECT ${parts.join(" ")}`)).status);
    }),
    { numRuns: 60 },
  );
});
