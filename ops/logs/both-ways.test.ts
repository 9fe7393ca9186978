/** Whatever a Worker logs: the telemetry API and the archive give the same lines of it. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { LOG_ARCHIVE_FOLDER } from "../../infra/inventory.ts";
import { type RestUnderTest, startRest } from "../../local/rest/rest-server.fixture.ts";
import { line, logged, trace } from "../../local/telemetry/trace.fixture.ts";
import type { Trace } from "../../local/telemetry/trace.ts";
import { traceRecord } from "../../local/telemetry/trace-record.ts";
import { directoryStorage } from "../storage/directory-storage.ts";
import { archivedBatches, archivedLines } from "./archive.ts";
import { LOG_QUERY_EVENTS } from "./limits.ts";
import { inOrder } from "./log-line.ts";
import { telemetryLines } from "./telemetry.ts";

const folder = mkdtempSync(join(tmpdir(), "both-ways-"));
const storage = directoryStorage(folder);
const { signal } = new AbortController();
const START = Date.UTC(2026, 10, 1);
const HOUR_MS = 3_600_000;

let rest: RestUnderTest;
beforeAll(async () => {
  rest = await startRest();
  rest.engine.clock_offset_ms = START + 24 * HOUR_MS - Date.now();
});
afterAll(async () => {
  await rest?.close();
  rmSync(folder, { recursive: true });
});

/** Each workload has an hour of its own. */
let hours = 0;
async function bothWays(traces: (begun_ms: number) => Trace[]) {
  const from_ms = START + (hours % 20) * HOUR_MS + Math.floor(hours / 20) * 60_000;
  const to_ms = from_ms + 60_000;
  hours += 1;
  const made = traces(from_ms);
  for (const one of made) rest.logs.add([{ ...line(one), invocation_logs: true }], 0);
  const second = new Date(from_ms).toISOString().slice(0, 19).replaceAll(/[-:]/g, "");
  const name = `${LOG_ARCHIVE_FOLDER}/20261101/${second}Z_${second}Z_${String(hours).padStart(8, "0")}.log.gz`;
  const records = made.map((one) => `${JSON.stringify(traceRecord(one))}\n`);
  await storage.create(name, gzipSync(records.join("")), signal);
  const query = { client: rest.client, account_id: rest.account_id, workers: ["prism"], filter: {} };
  const telemetry = await telemetryLines(query, from_ms, to_ms);
  const batches = await archivedBatches(storage, from_ms, to_ms, signal);
  const { lines, damaged } = await archivedLines(storage, batches, ["prism"], { from_ms, to_ms }, signal);
  return { telemetry: inOrder(telemetry), archive: inOrder(lines), damaged };
}

test("whatever is logged, and whatever is thrown", async () => {
  const value = fc.jsonValue({ maxDepth: 2 });
  const part = fc.oneof(
    value.map((one) => JSON.stringify(one)),
    fc
      .record({ level: fc.constantFrom("INFO", "ERROR", 7, null), message: value, a: value })
      .map((one) => JSON.stringify(one)),
    fc.dictionary(fc.constantFrom("message", "level", "a", "b"), value),
    fc.string(),
  );
  const call = fc.record({
    message: fc.array(part, { minLength: 1, maxLength: 3 }),
    level: fc.constantFrom("log", "info", "debug", "warn", "error"),
    after_ms: fc.nat(50_000),
  });
  const thrown = fc.record({ name: fc.string(), message: fc.string(), after_ms: fc.nat(50_000) });
  const invocation = fc.record({
    script_name: fc.constantFrom("prism", "prism", "another"),
    logs: fc.array(call, { maxLength: 4 }),
    exceptions: fc.array(thrown, { maxLength: 2 }),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(invocation, { minLength: 1, maxLength: 4 }), async (invocations) => {
      const { telemetry, archive, damaged } = await bothWays((begun_ms) =>
        invocations.map(({ script_name, logs, exceptions }) =>
          trace({
            script_name,
            begun_ms,
            logs: logs.map(({ message, level, after_ms }) => ({ level, message, timestamp: begun_ms + after_ms })),
            exceptions: exceptions.map(({ name, message, after_ms }) => ({
              name,
              message,
              timestamp: begun_ms + after_ms,
            })),
          }),
        ),
      );
      expect(archive).toEqual(telemetry);
      expect(damaged).toBe(0);
      const own = invocations.filter(({ script_name }) => script_name === "prism");
      expect(telemetry).toHaveLength(
        own.reduce((sum, { logs, exceptions }) => sum + logs.length + exceptions.length, 0),
      );
    }),
    { numRuns: 100 },
  );
});

test("more lines than one request gives: none is missing, none is there twice", async () => {
  const count = 2 * LOG_QUERY_EVENTS + 500;
  const { telemetry, archive } = await bothWays((begun_ms) =>
    Array.from({ length: count / 50 }, (_, index) =>
      trace({
        begun_ms: begun_ms + index,
        logs: Array.from({ length: 50 }, (_inner, at) =>
          logged(JSON.stringify({ message: "m", n: 50 * index + at }), "log", begun_ms + index),
        ),
      }),
    ),
  );
  expect(new Set(telemetry.map(({ fields }) => fields.n)).size).toBe(count);
  expect(telemetry).toHaveLength(count);
  expect(archive).toEqual(telemetry);
});
