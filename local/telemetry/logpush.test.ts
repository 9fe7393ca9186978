/** Logpush over the REST API and a bucket in workerd. Traces are handed to it as the intake would. */
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type RestUnderTest, startRest } from "../rest/rest-server.fixture.ts";
import { Logpush } from "./logpush.ts";
import { line, logged, trace } from "./trace.fixture.ts";

const BEGUN = Date.UTC(2026, 10, 5, 23, 59, 58);
const KEY = { access_key_id: "id", secret_access_key: "secret" };
const destination = (secret = KEY.secret_access_key) =>
  `r2://logs/workers/{DATE}?account-id=a&access-key-id=${KEY.access_key_id}&secret-access-key=${secret}`;

let rest: RestUnderTest;
let logpush: Logpush;
let at: { account_id: string };
beforeAll(async () => {
  rest = await startRest({ plan: "paid" });
  at = { account_id: rest.account_id };
  await rest.client.r2.buckets.create({ ...at, name: "logs" });
  logpush = new Logpush({ engine: rest.engine, credentials: () => [KEY], random: Math.random });
});
afterAll(async () => {
  await logpush?.close();
  await rest?.close();
});

const dataset = "workers_trace_events";
const jobs = () => rest.client.logpush.jobs;
/** A job that is there for the time of `work`. */
async function withJob(settings: object, work: (id: number) => Promise<void>): Promise<void> {
  const body = { ...at, dataset, enabled: true, destination_conf: destination(), ...settings };
  const { id = 0 } = (await jobs().create(body as never)) ?? {};
  await work(id);
  await jobs().delete(id, at);
}
/** Takes every object out of the bucket: its key, and the records in it. */
async function pushed(): Promise<Record<string, Record<string, unknown>[]>> {
  const bucket = await rest.engine.r2("logs");
  const all: Record<string, Record<string, unknown>[]> = {};
  for (const { key } of (await bucket.list()).objects) {
    const text = gunzipSync(new Uint8Array((await (await bucket.get(key))?.arrayBuffer()) ?? [])).toString();
    expect(text.endsWith("\n")).toBe(true);
    all[key] = text
      .trimEnd()
      .split("\n")
      .map((record) => JSON.parse(record));
    await bucket.delete(key);
  }
  return all;
}

test("a batch is one gzipped file of records by date, with every field of the dataset", async () => {
  await withJob({}, async (id) => {
    const scheduled = trace({ begun_ms: BEGUN + 1000, event: { cron: "* * * * *", scheduledTime: BEGUN } });
    logpush.take([line(trace({ begun_ms: BEGUN, logs: [logged({ a: 1 }, "warn", BEGUN + 1)] })), line(scheduled)], 0);
    await logpush.push();
    const files = await pushed();
    const [[key, records] = ["", []]] = Object.entries(files);
    expect(Object.keys(files)).toHaveLength(1);
    expect(key).toMatch(/^workers\/20261105\/20261105T235958Z_20261105T235959Z_[0-9a-f]{8}\.log\.gz$/);
    expect(records).toEqual([
      {
        CPUTimeMs: 0,
        DispatchNamespace: "",
        Entrypoint: "",
        Event: {
          RayID: expect.any(String),
          Request: { URL: "https://prism.test/api/v1/search?limit=3", Method: "POST" },
          Response: { Status: 200 },
        },
        EventTimestampMs: BEGUN,
        EventType: "fetch",
        Exceptions: [],
        Logs: [{ Level: "warn", Message: ['{"a":1}'], TimestampMs: BEGUN + 1 }],
        Outcome: "ok",
        ScriptName: "prism",
        ScriptTags: [],
        ScriptVersion: { ID: "a1b2" },
        WallTimeMs: 12,
      },
      expect.objectContaining({ EventType: "scheduled", Event: { Cron: "* * * * *", ScheduledTimeMs: BEGUN } }),
    ]);
    expect(await jobs().get(id, at)).toMatchObject({ last_complete: expect.any(String), last_error: null });
  });
});

test("fields, filter and the platform's clock are those of the job and the platform", async () => {
  const filter = JSON.stringify({
    where: {
      or: [
        { key: "ScriptName", operator: "eq", value: "prism" },
        { and: [{ key: "WallTimeMs", operator: "gt", value: 99 }] },
      ],
    },
  });
  const output_options = { output_type: "ndjson", field_names: ["ScriptName", "EventTimestampMs"] };
  await withJob({ filter, output_options }, async () => {
    logpush.take(
      [line(trace({ script_name: "other", begun_ms: BEGUN })), line(trace({ begun_ms: BEGUN }))],
      86_400_000,
    );
    await logpush.push();
    const [[key, records] = ["", []]] = Object.entries(await pushed());
    expect(key).toMatch(/^workers\/20261106\//);
    expect(records).toEqual([{ ScriptName: "prism", EventTimestampMs: BEGUN + 86_400_000 }]);
  });
});

test("texts of a record are cut where all of them together are too long, exceptions first", async () => {
  const long = trace({
    begun_ms: BEGUN,
    exceptions: [{ name: "Error", message: "x".repeat(16_370), timestamp: BEGUN }],
    logs: [
      logged("123456789", "log", BEGUN),
      logged("1234567890", "log", BEGUN),
      logged("not even begun", "log", BEGUN),
    ],
  });
  await withJob({}, async () => {
    logpush.take([line(long)], 0);
    await logpush.push();
    const [[record] = []] = Object.values(await pushed());
    expect(record).toMatchObject({
      Exceptions: [{ Name: "Error", Message: "x".repeat(16_370) }],
      Logs: [{ Message: ["123456789"] }, { Message: ["<<<Logpush: log.messages truncated>>>"] }],
    });
  });
});

test("a job that is off writes nothing, then or later", async () => {
  await withJob({ enabled: false }, async (id) => {
    logpush.take([line(trace())], 0);
    await jobs().update(id, { ...at, enabled: true });
    await logpush.push();
    expect(await pushed()).toEqual({});
  });
});

test("what a destination refuses is told by the job, and is pushed when it takes it again", async () => {
  await withJob({ destination_conf: destination("revoked") }, async (id) => {
    logpush.take([line(trace({ begun_ms: BEGUN }))], 0);
    await logpush.push();
    const refused = await jobs().get(id, at);
    expect(refused).toMatchObject({ last_complete: null, last_error: expect.any(String) });
    expect(refused?.error_message).toMatch(/access key .* not valid/);
    await jobs().update(id, { ...at, destination_conf: destination() });
    logpush.take([line(trace({ begun_ms: BEGUN + 500 }))], 0);
    await logpush.push();
    expect(Object.values(await pushed()).map((records) => records.length)).toEqual([2]);
    expect(await jobs().get(id, at)).toMatchObject({ last_complete: expect.any(String), error_message: null });
  });
});

test("refused: a filter that is none", async () => {
  const body = {
    dataset,
    destination_conf: destination(),
    filter: '{"where": {"key": "ScriptName", "operator": "is"}}',
  };
  expect((await rest.call("POST", "/logpush/jobs", body)).status).toBe(400);
});

test("a key that may not write to the bucket pushes nothing, whatever else its token may", async () => {
  const denied = [["d1:edit"], ["r2:read"], ["objects:edit:other", "objects:read:logs"]].map((scopes, index) => ({
    ...{ access_key_id: `narrow-${index}`, secret_access_key: "secret", scopes },
  }));
  const narrow = new Logpush({ engine: rest.engine, credentials: () => denied, random: Math.random });
  for (const { access_key_id } of denied) {
    const destination_conf = destination().replace("access-key-id=id", `access-key-id=${access_key_id}`);
    await withJob({ destination_conf }, async (id) => {
      narrow.take([line(trace())], 0);
      await narrow.push();
      expect(await jobs().get(id, at)).toMatchObject({ error_message: expect.stringContaining("no permission group") });
    });
  }
  await narrow.close();
  expect(await pushed()).toEqual({});
});
