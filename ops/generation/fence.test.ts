/** The write fence on the real platform: what callers see, and that nothing they were promised is lost. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { BUCKETS, CRONS, QUEUES, SERVICE } from "../../infra/inventory.ts";
import { entityTag } from "../../worker/ground/precondition.ts";
import { documentHash } from "../../worker/rag/text/normalise.ts";
import { type Service, startService } from "../../worker/service.fixture.ts";
import { createCloudflare } from "../cloudflare/api.ts";
import type { D1Connection } from "../d1/connection.ts";
import { restD1 } from "../d1/rest-connection.ts";
import { forgetFence, lowerFence, raiseFence } from "./fence.ts";

let service: Service;
let database: D1Connection;
beforeAll(async () => {
  service = await startService({ faults: true });
  const { api_url, account_id, api_token: token, runtime } = service.platform;
  const api = createCloudflare({ api_url, account_id, token }, { signal: new AbortController().signal });
  database = restD1(api, account_id, runtime.registry.list("d1")[0]?.uuid ?? "");
});
afterAll(() => service.close());

const up = () => raiseFence(database, { reason: "test", by: "fence.test.ts", now_ms: Date.now() });
const down = () => lowerFence(database, Date.now());
const rows = async (sql: string) => (await database.batch([{ sql }]))[0]?.rows ?? [];
const put = (id: string, text: string, headers = {}) =>
  service.call("PUT", `/api/v1/documents/${id}`, { text }, { headers });
const read = async (id: string) =>
  (await service.call("GET", `/api/v1/documents/${encodeURIComponent(id)}`)).json?.text;
const waiting = async () => {
  const bucket = await service.platform.runtime.r2(BUCKETS.vectors.name);
  return (await bucket.list({ prefix: "staging/" })).objects.map(({ key }) => key);
};
/** Moves the clock, so that messages which wait for the fence come at once. */
const soon = () => {
  if (service.platform.faults) service.platform.faults.clock_offset_ms += 6_000;
};
const drained = async () => {
  await expect
    .poll(
      async () => {
        soon();
        return waiting();
      },
      { interval: 200, timeout: 40_000 },
    )
    .toEqual([]);
  await forgetFence(database);
};

describe("while the fence is up", () => {
  beforeAll(async () => {
    await put("old", "Was here before.");
    await up();
  });

  test("a write is accepted with a job that waits, and reads go on as before", async () => {
    const { status, json, headers } = await put("new", "Comes later.");
    expect(status).toBe(202);
    expect(headers.get("location")).toBe(json.status_url);
    expect((await service.call("GET", json.status_url)).json).toMatchObject({
      id: json.job_id,
      state: "queued",
      documents: 1,
      finished_at: null,
    });
    const other = await service.key({ scopes: ["write"] }).catch(() => null);
    expect(other).toBeNull();
    expect((await service.call("GET", "/api/v1/documents/new")).status).toBe(404);
    expect(await read("old")).toBe("Was here before.");
    const found = await service.call("POST", "/api/v1/search", { query: "here before" });
    expect(found.json.results[0].document_id).toBe("old");
  });

  test("every kind of write a caller has is deferred: delete, batch, feedback", async () => {
    const batch = await service.call("POST", "/api/v1/documents/batch", {
      documents: [
        { id: "batch/1", text: "One." },
        { id: "batch/2", text: "Two." },
      ],
    });
    expect(batch.status).toBe(202);
    expect((await service.call("GET", `/api/v1/jobs/${batch.json.job_id}`)).json).toMatchObject({ documents: 2 });
    expect((await service.call("DELETE", "/api/v1/documents/old")).status).toBe(202);
    const rating = { request_id: "request-00000001", rating: 4 };
    expect((await service.call("POST", "/api/v1/feedback", rating)).status).toBe(202);
    expect(await read("old")).toBe("Was here before.");
  });

  test("a change that cannot wait is refused with 503, when to come back, and nothing done", async () => {
    const body = { name: "x", scopes: ["read"] };
    for (const headers of [{}, { "idempotency-key": "key-under-fence" } as Record<string, string>]) {
      const { status, json, headers: answered } = await service.call("POST", "/api/v1/keys", body, { headers });
      expect(status).toBe(503);
      expect(json.type).toBe("/docs#problem-write-fenced");
      expect(Number(answered.get("retry-after"))).toBeGreaterThan(0);
    }
  });

  test("a message that meets the fence is sent anew and uses up no attempt; cron does what only reads", async () => {
    const { json } = await put("message", "Waits in line.");
    const body = { type: "deferred", job_id: json.job_id };
    const message = { id: "met", timestamp: new Date(), body, attempts: 5 };
    const result = await service.platform.runtime.deliver(SERVICE, QUEUES.ingest.name, [message]);
    expect(result.explicitAcks).toEqual(["met"]);
    for (const cron of Object.values(CRONS.worker)) await service.platform.runtime.triggerSchedule(SERVICE, cron);
    expect(await rows("SELECT count(*) FROM dead_letters")).toEqual([[0]]);
  });

  test("when it is lifted, everything is done in order, and the jobs say so", async () => {
    const jobs: string[] = [];
    for (const text of ["first", "second", "third"]) jobs.push((await put("ordered", text)).json.job_id);
    const created_at_ms = Date.parse((await service.call("GET", `/api/v1/jobs/${jobs[0]}`)).json.created_at);
    jobs.push((await service.call("DELETE", "/api/v1/documents/not-there")).json.job_id);
    const replaced: string[] = [];
    for (const text of ["first", "second"]) replaced.push((await put("replaced", text)).json.job_id);
    await put("gone", "Was promised.");
    await down();

    // A write that needs nothing of the waiting ones takes their place; one that names a version waits for it.
    expect((await put("replaced", "third")).status).toBe(201);
    expect((await service.call("DELETE", "/api/v1/documents/gone")).status).toBe(204);
    expect((await service.call("DELETE", "/api/v1/documents/gone")).status).toBe(404);
    const content_hash = await documentHash({ title: "ordered", text: "third" });
    const promised = entityTag({ version: 3, content_hash, created_at_ms });
    const conditional = await put("ordered", "fourth", { "if-match": promised });
    expect(conditional.status).toBe(202);
    expect((await put("not-in-line", "Directly.")).status).toBe(201);
    await drained();

    expect(await read("ordered")).toBe("fourth");
    expect((await service.call("GET", "/api/v1/documents/ordered")).json.version).toBe(4);
    expect(await read("replaced")).toBe("third");
    expect(await read("gone")).toBeUndefined();
    expect(await read("new")).toBe("Comes later.");
    expect(await read("batch/2")).toBe("Two.");
    expect(await read("old")).toBeUndefined();
    const states = await Promise.all(jobs.map(async (id) => (await service.job(id)).state));
    expect(states).toEqual(["done", "done", "done", "failed"]);
    expect((await service.job(conditional.json.job_id)).updated).toBe(1);
    for (const id of replaced)
      expect(await service.job(id)).toMatchObject({ state: "done", superseded: 1, created: 0 });
    expect(await rows("SELECT rating FROM feedback WHERE request_id = 'request-00000001'")).toEqual([[4]]);
    expect(await rows("SELECT count(*) FROM dead_letters")).toEqual([[0]]);
    expect(await rows("SELECT count(*) FROM write_fence")).toEqual([[0]]);
  });
});

describe("a repeated POST across the fence", () => {
  const post = (key: string, body: object) =>
    service.call("POST", "/api/v1/documents", body, { headers: { "idempotency-key": key } });
  const documents = () => rows("SELECT count(*) FROM documents");

  test("acts once, whether it is repeated while the fence is up, while writes wait, or when all is done", async () => {
    const [[before] = []] = await documents();
    await up();
    const body = { text: "Only once, without an id." };
    const [first, twin] = await Promise.all([post("across", body), post("across", body)]);
    expect([first.status, twin.status]).toEqual([202, 202]);
    expect(twin.json).toEqual(first.json);
    expect((await post("across", { text: "Another." })).status).toBe(422);
    await down();
    expect((await post("across", body)).json).toEqual(first.json);
    await drained();
    const last = await post("across", body);
    expect(last.json).toEqual(first.json);
    expect(last.headers.get("idempotency-replayed")).toBe("true");
    expect(await documents()).toEqual([[Number(before) + 1]]);
  });

  test("acts once when the write was done and only its answer met the fence", async () => {
    const faults = service.platform.faults;
    if (!faults) throw new Error("the platform runs without the shim");
    const [[before] = []] = await documents();
    // Vectorize answers late: the document is committed, the fence goes up, and then the answer is to be kept.
    faults.rules = [{ binding: "VECTORIZE", method: "upsert", delay_ms: 1_500 }];
    const body = { text: "Committed just before the fence." };
    const first = post("just-before", body);
    await expect.poll(documents, { interval: 20 }).toEqual([[Number(before) + 1]]);
    await up();
    expect((await first).status).toBe(201);
    faults.rules = [];
    await expect.poll(waiting).not.toEqual([]);
    expect((await post("just-before", body)).json).toEqual((await first).json);
    await down();
    await drained();
    expect((await post("just-before", body)).json).toEqual((await first).json);
    expect(await documents()).toEqual([[Number(before) + 1]]);
  });
});

test("writers that hammer while fences come and go lose nothing: every document ends as its last accepted write", async () => {
  const last = new Map<string, string | null>();
  const statuses = new Set<number>();
  let stop = false;
  const write = async (id: string, round: number) => {
    const gone = round % 5 === 4;
    const text = `${id} in round ${round}`;
    const { status } = gone ? await service.call("DELETE", `/api/v1/documents/${id}`) : await put(id, text);
    statuses.add(status);
    if (![200, 201, 202, 204, 404].includes(status)) throw new Error(`a write failed with ${status}`);
    last.set(id, gone ? null : text);
  };
  const writers = Array.from({ length: 6 }, async (_, writer) => {
    for (let round = 0; !stop; round += 1) {
      await write(`hammer-${writer}-a`, round);
      await write(`hammer-${writer}-b`, round + 2);
    }
  });
  for (let fence = 0; fence < 3; fence += 1) {
    await up();
    await expect.poll(waiting).not.toEqual([]);
    await down();
    soon();
  }
  stop = true;
  await Promise.all(writers);
  await drained();
  expect(statuses).toContain(202);
  for (const [id, text] of last) expect(await read(id), id).toBe(text ?? undefined);
  expect(await rows("SELECT external_id FROM documents GROUP BY tenant, external_id HAVING count(*) > 1")).toEqual([]);
  expect(await rows("SELECT count(*) FROM chunks WHERE document_id NOT IN (SELECT id FROM documents)")).toEqual([[0]]);
  expect(await rows("SELECT count(*) FROM dead_letters")).toEqual([[0]]);
});
