import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import { QUEUES } from "../../infra/inventory.ts";
import { type Platform, startPlatform } from "../../local/platform.ts";
import { startService } from "../../worker/service.fixture.ts";
import { createCloudflare } from "../cloudflare/api.ts";
import { newsIn, runCommand } from "../command/run-cli.fixture.ts";
import { createKey, listKeys } from "../keys/keys.ts";
import { createClient } from "../service/client.ts";
import { journeys, TENANT, type Traces } from "./synthetic-journeys.ts";

let dir: string;
let platform: Platform;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "synthetic-"));
  platform = await startPlatform({ data_dir: dir, faults: true });
});
afterAll(async () => {
  await platform.close();
  await rm(dir, { recursive: true });
});
afterEach(() => {
  if (platform.faults) platform.faults.rules = [];
});

const admin = () =>
  createClient({ url: platform.url, token: platform.api_secret, signal: new AbortController().signal });

async function leftBehind(): Promise<{ keys: { name: string }[]; documents: unknown }> {
  const keys = (await listKeys(admin())).filter(({ tenant, revoked_at }) => tenant === TENANT && revoked_at === null);
  const { key } = await createKey(admin(), { name: "look", tenant: TENANT, scopes: ["read"], rate_tier: "low" });
  return { keys, documents: await admin().as(key).get("/api/v1/documents") };
}

test("all journeys pass on a healthy platform and nothing is left behind", async () => {
  const { code, stdout, stderr } = await runCommand(["synthetic", "--data", dir, "--json"]);
  const report = JSON.parse(stdout);
  expect(report.steps.filter(({ state }: { state: string }) => state !== "pass")).toEqual([]);
  expect({ code, passed: report.passed, left: report.left_behind }).toEqual({
    code: 0,
    passed: true,
    left: [],
  });
  expect(newsIn(stderr)).toEqual([]);
  expect(await leftBehind()).toEqual({ keys: [], documents: { documents: [], next_cursor: null } });
});

test("a failing dependency fails its journeys, skips what needs them, and is still cleaned up after", async () => {
  if (platform.faults) platform.faults.rules = [{ binding: "AI", error: "out of neurons" }];
  const { code, stdout } = await runCommand(["synthetic", "--data", dir, "--json"]);
  const { passed, steps } = JSON.parse(stdout);
  const stateOf = (name: string) => steps.find((step: { name: string }) => step.name === name)?.state;
  expect({ code, passed }).toEqual({ code: 1, passed: false });
  expect(stateOf("chat cites it")).toBe("fail");
  expect(stateOf("search finds it")).toBe("pass");
  expect(
    (await listKeys(admin())).filter(({ name, revoked_at }) => name.startsWith("synthetic") && !revoked_at),
  ).toEqual([]);
});

test("where writes are refused nothing was written, and nothing is said to be left behind", async () => {
  const mode = (name: string) => runCommand(["mode", "set", name, "--reason", "a trial of modes", "--data", dir]);
  await mode("maintenance");
  const { code, stdout, stderr } = await runCommand(["synthetic", "--data", dir, "--json"]);
  await mode("normal");
  expect([code, JSON.parse(stdout).left_behind, newsIn(stderr)]).toEqual([1, [], []]);
  expect((await leftBehind()).keys.filter(({ name }) => name.startsWith("synthetic"))).toEqual([]);
});

test("a mended service is not failed for a verdict of a moment before", async () => {
  const { faults } = platform;
  if (!faults) throw new Error("the platform was started without faults");
  const { url, api_secret: token } = platform;
  const { signal } = new AbortController();
  const client = createClient({ url, token, signal });
  const all = journeys({
    admin: client,
    traces: { key: null, documents: new Set() },
    signal,
    nonce: "4712abc",
    job_wait_ms: 0,
  });
  faults.rules = [{ binding: "DB", error: "D1_ERROR: D1 DB is overloaded." }];
  await vi.waitUntil(async () => (await client.send("GET", "/health/ready")).status === 503, { timeout: 60_000 });
  faults.rules = [];
  await all.find(({ name }) => name === "ready")?.walk();
});

test("a queue that delivers nothing fails its journey after a while, instead of keeping whoever asks", async () => {
  const { url, api_secret: token, api_url, account_id, api_token } = platform;
  const { signal } = new AbortController();
  const cloudflare = createCloudflare({ api_url, account_id, token: api_token }, { signal });
  const { result } = await cloudflare.queues.list({ account_id });
  const queue = result.find(({ queue_name }) => queue_name === QUEUES.ingest.name)?.queue_id ?? "";
  const pause = (delivery_paused: boolean) =>
    cloudflare.queues.edit(queue, { account_id, settings: { delivery_paused } });
  await pause(true);
  const traces: Traces = { key: null, documents: new Set() };
  const all = journeys({
    admin: createClient({ url, token, signal }),
    traces,
    signal,
    nonce: "4713abc",
    job_wait_ms: 500,
  });
  const walk = async (name: string) => all.find((one) => one.name === name)?.walk();
  await walk("create a key");
  await expect(walk("index a document through the queue")).rejects.toThrow(/job has not ended after 0.5 s/);
  await pause(false);
  await walk("revoked key is refused");
});

test("a document of the queue is found first by its words, though Vectorize shows a similar older one and not yet this one", async () => {
  const service = await startService({ variables: { EMBEDDING_MODEL: "@cf/baai/bge-small-en-v1.5" } });
  try {
    const { url, api_secret: token, vectorize } = service.platform;
    const { signal } = new AbortController();
    const all = journeys({
      admin: createClient({ url, token, signal }),
      traces: { key: null, documents: new Set() },
      signal,
      nonce: "4711abc",
      job_wait_ms: 60_000,
    });
    const walk = async (name: string) => all.find((one) => one.name === name)?.walk();
    await walk("create a key");
    await walk("write a document");
    await vectorize.flush();
    await walk("index a document through the queue");
  } finally {
    await service.close();
  }
});

test("a dry run names the journeys and sends nothing", async () => {
  const before = await listKeys(admin());
  const { code, stdout } = await runCommand(["synthetic", "--data", dir, "--dry-run", "--json"]);
  expect(code).toBe(0);
  expect(JSON.parse(stdout).steps).toContain("chat cites it");
  expect(await listKeys(admin())).toEqual(before);
});
