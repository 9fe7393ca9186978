/** A recorded workload, asked for in every way in which the log can be read. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import Cloudflare from "cloudflare";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { BUCKETS, LOG_ARCHIVE_FOLDER, SERVICE } from "../../infra/inventory.ts";
import { type Service, startService } from "../../worker/service.fixture.ts";
import type { Invocation } from "../command/invocation.ts";
import { invocationOnPlatform } from "../command/invocation-on-platform.fixture.ts";
import { newsIn, runCommand } from "../command/run-cli.fixture.ts";
import { locateStack } from "../stack/locate.ts";
import { s3Storage } from "../storage/s3-storage.ts";
import { sizesUnder } from "../storage/storage.ts";
import type { SlowRow } from "./analyses.ts";
import { logsErrors } from "./errors.ts";
import { logsExport } from "./export.ts";
import { logsQuery } from "./query.ts";
import { logsRotate } from "./rotate.ts";
import { logsSlow } from "./slow.ts";
import { logsTail } from "./tail.ts";
import { logsTokens } from "./tokens.ts";

const DAY_MS = 86_400_000;
const SOON = { timeout: 60_000, interval: 200 };

let dir: string;
let service: Service;
let since: string;
let stopPushing: () => Promise<unknown>;
/** What each request was, and its id, as its caller saw it. */
const asked: { route: string; status: number; id: string }[] = [];
const used = { answers: 0, input: 0, output: 0, saved: 0 };

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "logs-"));
  service = await startService({ data_dir: dir, plan: "paid", faults: true, variables: { LOG_LEVEL: "INFO" } });
  stopPushing = await pushLogs();
  since = new Date().toISOString();
  await workload();
  // An invocation is told of when all that it left for later is done.
  await vi.waitFor(async () => {
    await service.platform.runtime.flushTelemetry();
    await service.platform.logpush.push();
    const { lines } = (await run(logsQuery, { source: "archive", limit: 10_000 })).data as { lines: Lines };
    const told = new Set(lines.flatMap(({ fields }) => (fields.endpoint === undefined ? [] : [fields.request_id])));
    expect(asked.filter(({ id }) => !told.has(id))).toEqual([]);
  }, SOON);
});
afterAll(async () => {
  await service?.close();
  rmSync(dir, { recursive: true });
});

async function pushLogs(): Promise<typeof stopPushing> {
  const { platform } = service;
  const client = new Cloudflare({ apiToken: platform.api_token, baseURL: platform.api_url });
  const at = { account_id: platform.account_id };
  const { access_key_id, secret_access_key } = platform.s3_credentials;
  const destination_conf = `r2://${BUCKETS.logs.name}/${LOG_ARCHIVE_FOLDER}/{DATE}?account-id=${at.account_id}&access-key-id=${access_key_id}&secret-access-key=${secret_access_key}`;
  const job = await client.logpush.jobs.create({
    ...at,
    dataset: "workers_trace_events",
    enabled: true,
    destination_conf,
  });
  await client.workers.scripts.scriptAndVersionSettings.edit(SERVICE, { ...at, settings: { logpush: true } as never });
  return () => client.logpush.jobs.update(job?.id ?? 0, { ...at, enabled: false });
}

/** Writes, searches, answers, refusals and failures. */
async function workload(): Promise<void> {
  const { faults } = service.platform;
  const call = async (route: string, path: string, body?: unknown, key?: string) => {
    const [method = ""] = route.split(" ");
    const answer = await service.call(method, path, body, key === undefined ? {} : { key });
    asked.push({ route, status: answer.status, id: answer.headers.get("x-request-id") ?? "" });
    return answer;
  };
  const text = "# Tea\n\nGreen tea is brewed at 80 degrees Celsius. Black tea needs boiling water and four minutes.";
  await call("PUT /api/v1/documents/:id", "/api/v1/documents/tea", { title: "Tea", text });
  for (const query of ["green tea", "black tea", "water"])
    await call("POST /api/v1/search", "/api/v1/search", { query });
  for (const message of ["At what temperature is green tea brewed?", "How long does black tea need?"]) {
    const { json } = await call("POST /api/v1/chat", "/api/v1/chat", { message });
    used.answers += 1;
    used.input += json.usage.tokens_in;
    used.output += json.usage.tokens_out;
    used.saved += json.usage.tokens_saved;
  }
  await call("POST /api/v1/search", "/api/v1/search", { query: "" });
  await call("GET /api/v1/documents", "/api/v1/documents", undefined, "prism_nobody00_wrong");
  if (faults) faults.rules = [{ binding: "DB", error: "D1_ERROR: set by the test" }];
  for (let n = 0; n < 3; n++) await call("GET /api/v1/documents", `/api/v1/documents?limit=${n + 1}`);
  if (faults) faults.rules = [];
}

const invocation = (changes: Partial<Invocation> = {}) => {
  const { signal } = new AbortController();
  return invocationOnPlatform(service.platform, () => locateStack("local", dir, {}, signal), changes);
};
// The shape is what the tests look at.
const run = async (command: typeof logsQuery, given: object, changes?: Partial<Invocation>) =>
  (await command.run(invocation(changes), { since, ...given })) as { data: unknown; text: string };
const ops = (...args: string[]) => runCommand(["logs", ...args, "--data", dir, "--json"]);
type Lines = { fields: Record<string, unknown>; at: string }[];

test("the same window gives the same lines from the telemetry API and from the archive, whatever is asked for", async () => {
  const until = new Date().toISOString();
  const both = (given: object) =>
    Promise.all(
      ["telemetry", "archive"].map(
        async (source) => ((await run(logsQuery, { until, source, ...given })).data as { lines: Lines }).lines,
      ),
    );
  const wanted = [
    {},
    { level: "error" },
    { status: "5xx" },
    { status: "400" },
    { endpoint: "documents" },
    { request_id: asked[3]?.id },
    { text: "SET BY THE TEST" },
    { level: "warn", endpoint: "GET" },
  ];
  for (const given of wanted) {
    const [telemetry = [], archive = []] = await both(given);
    expect(archive, JSON.stringify(given)).toEqual(telemetry);
    expect(telemetry.length, JSON.stringify(given)).toBeGreaterThan(0);
  }
});

test("every request of the workload is a line with its route and status", async () => {
  const { lines } = (await run(logsQuery, { limit: 10_000 })).data as { lines: Lines };
  for (const { route, status, id } of asked) {
    const found = lines.find(({ fields }) => fields.request_id === id && fields.endpoint !== undefined);
    expect(`${found?.fields.method} ${found?.fields.endpoint} ${found?.fields.status_code}`).toBe(`${route} ${status}`);
  }
  expect(lines.map(({ at }) => at)).toEqual(lines.map(({ at }) => at).sort());
});

test("errors, durations and tokens are those of the workload", async () => {
  const errors = (await run(logsErrors, {})).data as { errors: number; rows: Record<string, unknown>[] };
  const failed = asked.filter(({ status }) => status >= 500);
  expect(failed).toHaveLength(3);
  const ofRequests = errors.rows.filter(({ route }) => route === "GET /api/v1/documents");
  expect(ofRequests).toMatchObject([{ count: 3, request_id: failed.at(-1)?.id }]);

  const slow = (await run(logsSlow, {})).data as { rows: SlowRow[] };
  const counted = Object.fromEntries(slow.rows.map(({ route, count }) => [route, count]));
  for (const [route, requests] of Map.groupBy(asked, (one) => one.route)) expect(counted[route]).toBe(requests.length);
  for (const { p50_ms, p95_ms, p99_ms, max_ms } of slow.rows)
    expect([p50_ms, p95_ms, p99_ms, max_ms]).toEqual([p50_ms, p95_ms, p99_ms, max_ms].toSorted((a, b) => a - b));

  const tokens = (await run(logsTokens, {})).data as { rows: Record<string, unknown>[] };
  expect(tokens.rows).toMatchObject([used]);
});

test("what is older than the telemetry surely holds comes from the archive, and the rest from the telemetry", async () => {
  const now_ms = Date.now() + 5 * DAY_MS;
  const day = (await run(logsQuery, { since: "6d" }, { now: () => now_ms })).data as {
    read: { source: string; lines: number }[];
    lines: Lines;
  };
  expect(day.read.map(({ source }) => source)).toEqual(["archive", "telemetry"]);
  const { lines } = (await run(logsQuery, { source: "telemetry" })).data as { lines: Lines };
  expect(day.lines.filter(({ at }) => at >= since)).toEqual(lines);
});

test("a window that ends before it begins is refused, and one that is empty says where it looked", async () => {
  await expect(run(logsQuery, { since: "1h", until: "2h" })).rejects.toThrow(/ends .* before it begins/);
  const { text } = await run(logsQuery, { since: "9d", until: "8d", source: "archive" });
  expect(text).toMatch(/^0 lines\. .*the archive .* has nothing of this time/);
});

test("an export holds every line of the window, in order, and is never written over", async () => {
  const until = new Date().toISOString();
  const { lines } = (await run(logsQuery, { until, limit: 10_000 })).data as { lines: Lines };
  const file = join(dir, "lines.ndjson");
  const { data } = await run(logsExport, { until, out: file });
  expect(data).toMatchObject({ file, lines: lines.length, bytes: readFileSync(file).length });
  const written = readFileSync(file, "utf8").trimEnd().split("\n");
  expect(written.map((line) => JSON.parse(line))).toEqual(lines);
  await expect(run(logsExport, { until, out: file })).rejects.toThrow(/there already/);
  expect(readFileSync(file, "utf8").split("\n")).toHaveLength(lines.length + 1);
  const table = join(dir, "errors.csv");
  const { code, stdout } = await ops("export", "--since", since, "--level", "error", "--format", "csv", "--out", table);
  expect({ code, ...JSON.parse(stdout) }).toMatchObject({ code: 0, file: table });
  const [head, ...records] = readFileSync(table, "utf8").trimEnd().split("\r\n");
  expect(head).toMatch(/^at,worker,level,message,request_id,/);
  expect(records).toHaveLength(JSON.parse(stdout).lines);
  expect(records.every((record) => record.includes(",ERROR,"))).toBe(true);
});

test("a tail shows what is logged from now on, as its filter wants it, and ends", async () => {
  const outcome = await logsTail.run(invocation(), { lines: 2, endpoint: "POST /api/v1/search" });
  const searching = ["one", "two"].map((query) => service.call("POST", "/api/v1/search", { query }));
  await service.call("GET", "/livez");
  const shown: string[] = [];
  for await (const line of outcome.stream ?? []) shown.push(line);
  const ids = (await Promise.all(searching)).map(({ headers }) => headers.get("x-request-id"));
  const { lines } = outcome.data as { lines: Lines };
  expect(lines.map(({ fields }) => fields.request_id).sort()).toEqual(ids.sort());
  expect(shown).toHaveLength(2);
  expect(shown.every((line) => / INFO +200 {2}POST \/api\/v1\/search {2}\d+ ms/.test(line))).toBe(true);
  const { workers } = new Cloudflare({ apiToken: service.platform.api_token, baseURL: service.platform.api_url });
  expect(await workers.scripts.tail.get(SERVICE, { account_id: service.platform.account_id })).toBeNull();
});

test("a tail that is interrupted ends in order", async () => {
  const interrupted = new AbortController();
  const outcome = await logsTail.run(invocation({ signal: interrupted.signal }), {});
  interrupted.abort();
  for await (const line of outcome.stream ?? []) expect(line).toBe("");
  expect(outcome.data).toMatchObject({ worker: SERVICE, matched: 0 });
});

test("a rotation says what it would do, then deletes what is old, and compresses what lies open", async () => {
  const { s3_url, s3_credentials: credentials } = service.platform;
  const storage = s3Storage({ endpoint: s3_url, bucket: BUCKETS.logs.name, prefix: "", credentials });
  const { signal } = new AbortController();
  const open = Buffer.from('{"ScriptName":"prism","Logs":[]}\n');
  const today = new Date().toISOString().slice(0, 10).replaceAll("-", "");
  const put = (name: string, body: Buffer) => storage.create(`${LOG_ARCHIVE_FOLDER}/${name}`, body, signal);
  const keys = async () => [...(await sizesUnder(storage, "", signal)).keys()];
  await stopPushing();
  await put("20200101/a.log.gz", gzipSync(open));
  await put("20200102/b.log", open);
  await put(`${today}/open.log`, open);
  await put(`${today}/torn.log`, open);
  await put(`${today}/torn.log.gz`, gzipSync("something else"));
  const before = await keys();
  const planned = await ops("rotate", "--dry-run");
  expect(JSON.parse(planned.stdout)).toMatchObject({
    dry_run: true,
    deleted: { objects: 2 },
    compressed: { objects: 2 },
  });
  expect(await keys()).toEqual(before);
  const refused = { confirm: () => Promise.reject(new Error("not confirmed")) };
  await expect(logsRotate.run(invocation(refused), {})).rejects.toThrow("not confirmed");
  expect(await keys()).toEqual(before);
  expect((await logsRotate.run(invocation(), {})).data).toMatchObject({ dry_run: false, deleted: { objects: 2 } });
  const after = await keys();
  storage.close();
  // What has the name of the compressed one holds something else: nothing is lost for it.
  const gone = [`20200101/a.log.gz`, `20200102/b.log`, `${today}/open.log`].map(
    (name) => `${LOG_ARCHIVE_FOLDER}/${name}`,
  );
  expect(before.filter((key) => !after.includes(key))).toEqual(gone);
  expect(after.filter((key) => !before.includes(key))).toEqual([`${LOG_ARCHIVE_FOLDER}/${today}/open.log.gz`]);
});

test("the command tails until it has seen enough", async () => {
  const tailing = ops("tail", "--lines", "1", "--endpoint", "livez");
  let isOver = false;
  void tailing.finally(() => {
    isOver = true;
  });
  while (!isOver) await service.call("GET", "/livez");
  const { code, stdout, stderr } = await tailing;
  expect({ code, news: newsIn(stderr), ...JSON.parse(stdout) }).toMatchObject({
    code: 0,
    news: [`Watching ${SERVICE}`],
    matched: 1,
  });
});

test.each(["query", "errors", "slow", "tokens"])(
  "logs %s: the command prints what it declares, as JSON and for people",
  async (verb) => {
    const { code, stdout, stderr } = await runCommand(["logs", verb, "--since", since, "--data", dir, "--json"]);
    expect({ code, news: newsIn(stderr) }).toEqual({ code: 0, news: [] });
    expect(JSON.parse(stdout).read).toMatchObject([{ source: "telemetry", notes: [] }]);
  },
);
