import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { BUCKETS, QUEUES, SERVICE } from "../../infra/inventory.ts";
import type { FaultPlan } from "../../local/faults.ts";
import { type Platform, startPlatform } from "../../local/platform.ts";
import { RETRY_BACKOFF_MAX_S } from "../../worker/limits.ts";
import { stagedKey } from "../../worker/store/job-parts.ts";
import { runCommand } from "../command/run-cli.fixture.ts";
import { LETTERS_PER_READ } from "../limits.ts";

const folder = mkdtempSync(join(tmpdir(), "prism-queue-"));
let platform: Platform;
beforeAll(async () => {
  platform = await startPlatform({ data_dir: folder, faults: true, api_budget: false });
});
afterAll(async () => {
  await platform?.close();
  rmSync(folder, { recursive: true, force: true });
});

const ops = (...words: string[]) => runCommand(["queue", ...words, "--data", folder]);
const json = async (...words: string[]) => {
  const { code, stdout, stderr } = await ops(...words, "--json");
  return { code, stderr, data: JSON.parse(stdout) };
};
const call = async (method: string, path: string, body?: unknown) => {
  const headers = { authorization: `Bearer ${platform.admin_key}`, "content-type": "application/json" };
  const response = await fetch(`${platform.url}${path}`, {
    method,
    headers,
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  const answer = z
    .looseObject({ job_id: z.string(), state: z.string() })
    .partial()
    .parse(await response.json());
  return { status: response.status, json: answer };
};
const faults = (): FaultPlan => {
  if (!platform.faults) throw new Error("the platform runs without the shim");
  return platform.faults;
};
/** A job whose one part waits in R2, unannounced: its queue message was lost. */
const unannounced = async (id: string): Promise<string> => {
  faults().rules = [{ binding: "INGEST_QUEUE", error: "lost" }];
  const documents = [{ id, text: `The document ${id}.` }];
  const { json } = await call("POST", "/api/v1/documents/batch", { documents });
  faults().rules = [];
  return json.job_id ?? "";
};
const bury = async (letters: { id: string; body: unknown }[]) => {
  const messages = letters.map((letter) => ({ ...letter, timestamp: new Date(), attempts: 1 }));
  for (let from = 0; from < messages.length; from += 100)
    await platform.runtime.deliver(SERVICE, QUEUES.dead.name, messages.slice(from, from + 100));
};
const jobState = async (id: string) => (await call("GET", `/api/v1/jobs/${id}`)).json.state;
const setDelivery = async (delivery_paused: boolean) => {
  const queue = platform.runtime.registry.list("queue").find(({ queue_name }) => queue_name === QUEUES.ingest.name);
  await fetch(`${platform.api_url}/accounts/${platform.account_id}/queues/${queue?.queue_id}`, {
    method: "PATCH",
    headers: { authorization: `Bearer ${platform.api_token}` },
    body: JSON.stringify({ settings: { delivery_paused } }),
  });
};

test("a quiet queue is fine, and a document comes through it and leaves nothing", async () => {
  expect(await json("test")).toMatchObject({
    code: 0,
    data: { ok: true, state: "done", problem: null, left_behind: [] },
  });
  const { code, data } = await json("status");
  expect({ code, problems: data.problems }).toEqual({ code: 0, problems: [] });
  expect(data.queues.map(({ name, consumer }: { name: string; consumer: string }) => [name, consumer])).toEqual([
    [QUEUES.ingest.name, SERVICE],
    [QUEUES.dead.name, SERVICE],
  ]);
  // The meter hears of a message after what the message was about is done.
  await expect
    .poll(async () => (await json("status")).data.messages_24h, { timeout: 60_000 })
    .toContainEqual({ type: "queue/ingest", outcome: "done", count: 1 });
});

test("dead letters are sent again over several reads, each followed to its end; what can never be done stays, with the reason", async () => {
  const jobs = [await unannounced("dead/a"), await unannounced("dead/b")];
  const lost = await unannounced("dead/lost");
  await (await platform.runtime.r2(BUCKETS.vectors.name)).delete(stagedKey(lost, 0));
  const entry = {
    id: "letter-of-a-test",
    at_ms: 1,
    source: "ops",
    actor: "test",
    key_id: "operator",
    action: "deploy",
    outcome: "done",
    subject: "",
    detail: {},
  };
  await bury([
    ...[...jobs, lost].map((job_id) => ({ id: `ingest-${job_id}`, body: { type: "ingest", job_id, part: 0 } })),
    { id: "audit", body: { type: "audit", entry } },
    { id: "nonsense", body: "not a message" },
    ...Array.from({ length: LETTERS_PER_READ }, (_, index) => ({
      id: `applied-${index}`,
      body: { type: "deferred", job_id: `gone-${index}` },
    })),
  ]);
  for (const job of [...jobs, lost]) expect(await jobState(job)).toBe("failed");

  const status = await ops("status");
  expect(status.code).toBe(1);
  expect(status.stdout).toContain(`Dead letters: ${5 + LETTERS_PER_READ} (`);
  expect(status.stdout).toMatch(/Try: npm run ops -- queue peek --data \S+ --dead/);
  const peeked = await json("peek", "--dead", "--limit", "100");
  expect(peeked.data).toMatchObject({ dead: true, total: 5 + LETTERS_PER_READ });
  expect(peeked.data.messages).toHaveLength(100);

  expect((await json("replay", "--dry-run")).data).toEqual({
    dry_run: true,
    would_send: 3,
    done_already: LETTERS_PER_READ,
    hopeless: 2,
    queue_operations: 9,
  });
  const { code, data } = await json("replay");
  expect({ code, data }).toMatchObject({
    code: 4,
    data: { done: 3 + LETTERS_PER_READ, failed_again: 0, waiting: 0, hopeless: 2, left: 2 },
  });
  expect(data.not_done.map(({ because }: { because: string }) => because).sort()).toEqual([
    expect.stringContaining("gone from R2"),
    expect.stringContaining("does not understand it"),
  ]);
  for (const job of jobs) expect(await jobState(job)).toBe("done");
  expect((await call("GET", "/api/v1/documents/dead%2Fa")).status).toBe(200);
  expect((await ops("replay", "nobody")).stderr).toMatch(/queue peek --data \S+ --dead/);
});

test("a letter that fails again is one letter again", async () => {
  const job = await unannounced("poison");
  await (await platform.runtime.r2(BUCKETS.vectors.name)).put(
    stagedKey(job, 0),
    JSON.stringify([{ id: "poison", text: 7 }]),
  );
  await bury([{ id: "poison", body: { type: "ingest", job_id: job, part: 0 } }]);
  // What waits between two tries is hours for a person, and no time here.
  const hurry = setInterval(() => {
    faults().clock_offset_ms += RETRY_BACKOFF_MAX_S * 1000;
  }, 100);
  try {
    const { code, data } = await json("replay", "poison");
    expect({ code, data }).toMatchObject({ code: 1, data: { done: 0, failed_again: 1, left: 3 } });
  } finally {
    clearInterval(hurry);
  }
  const { data } = await json("peek", "--dead");
  const own = data.messages.filter(({ subject }: { subject: string }) => subject === `job ${job}, part 0`);
  expect(own).toHaveLength(1);
  expect(own[0].id).not.toBe("poison");
});

test("a purge asks, keeps what it takes, and what it kept comes back", async () => {
  expect((await ops("purge")).code).toBe(3);
  const { data } = await json("purge", "--yes");
  expect(data.purged).toEqual([
    { type: "ingest", count: 2, loss: expect.stringContaining("not indexed") },
    { type: "unknown", count: 1, loss: expect.stringContaining("copy alone") },
  ]);
  expect((await json("status")).data.dead_letters.count).toBe(0);
  const back = await json("replay", "nonsense", "--copy", data.copies[0]);
  expect(back.data).toMatchObject({ restored: 3, hopeless: 1, left: 3 });
  expect((await json("purge", "--yes")).code).toBe(0);
});

test("what waits can be seen and purged without a consumer; its job ends, and the copy brings it back", async () => {
  await setDelivery(true);
  const { json: accepted } = await call("POST", "/api/v1/documents/batch", {
    documents: [{ id: "waits", text: "It waits." }],
  });
  const status = await ops("status");
  expect([status.code, status.stdout]).toEqual([1, expect.stringContaining("delivery from prism-ingest is paused")]);
  expect((await json("peek")).data).toMatchObject({
    total: 1,
    messages: [{ type: "ingest", subject: `job ${accepted.job_id}, part 0` }],
  });
  const { data } = await json("purge", "--waiting", "--yes");
  expect(data).toMatchObject({ waiting: true, left: 0, purged: [{ type: "ingest", count: 1 }] });
  expect(await jobState(accepted.job_id ?? "")).toBe("failed");
  await setDelivery(false);
  expect((await json("replay", "--copy", data.copies[0])).data).toMatchObject({ restored: 1, done: 1, left: 0 });
  expect((await call("GET", "/api/v1/documents/waits")).status).toBe(200);
});
