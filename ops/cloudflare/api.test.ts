import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { type ApiFront, type FrontRule, startFront } from "../../infra/provider/api-front.fixture.ts";
import { type Platform, startPlatform } from "../../local/platform.ts";
import { OpsError } from "../command/errors.ts";
import { createCloudflare, REPEATABLE, type Retry, retryTold } from "./api.ts";
import { refusalCodes } from "./failures.ts";
import type { Clock } from "./request-budget.ts";

let platform: Platform;
let front: ApiFront;
let retries: Retry[] = [];
let slept_ms = 0;
let account: { account_id: string };

/** Time passes for this side and for the platform's clock alike, and only by sleeping. */
const clock: Clock = {
  now: () => slept_ms,
  sleep: async (ms) => {
    slept_ms += ms;
    if (platform.faults) platform.faults.clock_offset_ms += ms;
  },
};

beforeAll(async () => {
  platform = await startPlatform({ faults: true });
  account = { account_id: platform.account_id };
  front = await startFront(platform.api_url);
});
afterAll(async () => {
  front?.close();
  await platform?.close();
});
beforeEach(() => {
  front.rules = [];
  front.seen = [];
  retries = [];
  slept_ms = 0;
});

const client = (over: { token?: string; api_url?: string; signal?: AbortSignal } = {}) => {
  const { token = platform.api_token, api_url = front.url, signal = new AbortController().signal } = over;
  return createCloudflare(
    { api_url, account_id: platform.account_id, token },
    { signal, clock, on_retry: (retry) => retries.push(retry) },
  );
};
const answering = (status: number, times: number, over: Partial<FrontRule> = {}): FrontRule => ({
  method: "GET",
  path: "/storage/kv/namespaces",
  times,
  answer: { status, code: 10000, message: "on a bad day" },
  ...over,
});
const listed = async (from = client()) => {
  const names: (string | undefined)[] = [];
  for await (const namespace of from.kv.namespaces.list(account)) names.push(namespace.title);
  return names;
};
const failure = async (work: Promise<unknown>): Promise<OpsError> => {
  const error = await work.catch((thrown: unknown) => thrown);
  if (!(error instanceof OpsError)) throw new Error(`not refused as it should be: ${String(error)}`);
  return error;
};

// First, for the others spend from the same budget.
test("a bulk job of more requests than the budget holds is never refused", async () => {
  const patient = client({ api_url: platform.api_url });
  for (let i = 0; i < 1_300; i += 1) await patient.user.tokens.verify();
  expect(retries).toEqual([]);
  expect(slept_ms).toBeGreaterThan(290_000);
});

test("what is tried again is told with its reason and how long that is, as people say it", () => {
  const retry = { request: "POST d1/database/x/raw", because: "429 Please wait" };
  expect(retryTold({ ...retry, wait_ms: 300_000 })).toBe("POST d1/database/x/raw: 429 Please wait; again in 5 min");
  expect(retryTold({ ...retry, wait_ms: 740 })).toMatch(/again in 1 s$/);
});

test.each([500, 502, 503, 504])("a reading request outlives two answers of %i", async (status) => {
  front.rules = [answering(status, 2)];
  expect(await listed()).toContain("prism-cache");
  expect(retries.map(({ request, because }) => [request, because])).toEqual(
    Array(2).fill(["GET storage/kv/namespaces", `${status} on a bad day (code 10000)`]),
  );
});

test("a 429 is waited out as long as it says, and repeated even for a request that must not be done twice", async () => {
  const answer = { status: 429, code: 971, message: "slow down", headers: { "retry-after": "300" } };
  front.rules = [answering(429, 1, { method: "POST", answer })];
  expect(await client().kv.namespaces.create({ ...account, title: "patient" })).toMatchObject({ title: "patient" });
  expect(retries).toMatchObject([{ wait_ms: 300_000 }]);
  expect(slept_ms).toBe(300_000);
});

test("a second block of five minutes is not waited for", async () => {
  const answer = { status: 429, code: 971, message: "slow down", headers: { "retry-after": "300" } };
  front.rules = [answering(429, 9, { answer })];
  const { parts, status } = await failure(listed());
  expect(status).toBe(429);
  expect(parts.hint).toContain("wait five minutes");
  expect(slept_ms).toBe(300_000);
});

test("a creation whose answer was lost is reported, not repeated; one that may be repeated is", async () => {
  front.rules = [answering(0, 1, { method: "POST", answer: "lose" })];
  const once = await failure(client().kv.namespaces.create({ ...account, title: "once" }));
  expect(once.parts).toMatchObject({ op: "POST", subject: "storage/kv/namespaces" });
  expect(retries).toEqual([]);
  expect((await listed()).filter((title) => title === "once")).toHaveLength(1);

  front.rules = [answering(0, 1, { method: "POST", path: "/query", answer: "lose" })];
  const [database] = (await client().d1.database.list(account)).result;
  const rows = await client().d1.database.query(
    database?.uuid ?? "",
    { ...account, sql: "SELECT 1 AS one" },
    REPEATABLE,
  );
  expect(rows.result).toMatchObject([{ results: [{ one: 1 }] }]);
  expect(retries).toHaveLength(1);
});

test("patience ends, with Cloudflare's own words once and no secret in them", async () => {
  front.rules = [answering(503, 99)];
  const { parts, status } = await failure(listed());
  expect(status).toBe(503);
  expect(parts.cause).toBe("503 on a bad day (code 10000)");
  expect(parts.hint).toContain("cloudflarestatus.com");
  expect(JSON.stringify(parts)).not.toContain(platform.api_token);
});

test.each([
  [403, 10000, "Workers KV Storage Read"],
  [401, 10000, "set CLOUDFLARE_API_TOKEN"],
  [400, 7003, "check that the account"],
  [404, 10007, "npm run ops -- deploy"],
])("a %i with code %i says what to do", async (status, code, hint) => {
  front.rules = [answering(status, 1, { answer: { status, code, message: "no" } })];
  const error = await failure(listed());
  expect(error.parts.hint).toContain(hint);
  expect(refusalCodes(error)).toEqual([code]);
});

test("a wrong token and an unreachable API are told apart", async () => {
  expect((await failure(listed(client({ token: "wrong" })))).parts.hint).toContain("CLOUDFLARE_API_TOKEN");
  const closed = await startFront(platform.api_url);
  closed.close();
  const gone = await failure(listed(client({ api_url: closed.url })));
  expect(gone.parts.cause).toMatch(/no answer: .*ECONNREFUSED/);
  expect(gone.status).toBeUndefined();
});

test("the command's signal ends a wait", async () => {
  const over = new AbortController();
  over.abort(new DOMException("interrupted", "AbortError"));
  expect((await failure(listed(client({ signal: over.signal })))).parts.cause).toBe("interrupted");
});
