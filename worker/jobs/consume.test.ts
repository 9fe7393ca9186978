import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { BUCKETS, QUEUES, SERVICE } from "../../infra/inventory.ts";
import { RETRY_BACKOFF_MAX_S } from "../limits.ts";
import { type Service, startService } from "../service.fixture.ts";
import { stagedKey } from "../store/job-parts.ts";
import type { QueueMessage } from "../store/queue-messages.ts";

let service: Service;
beforeAll(async () => {
  service = await startService({ faults: true });
});
afterAll(() => service.close());
afterEach(() => faults().rules.splice(0));

function faults() {
  if (!service.platform.faults) throw new Error("the platform runs without the shim");
  return service.platform.faults;
}
async function rows(sql: string): Promise<unknown[][]> {
  const { runtime } = service.platform;
  const [result] = await runtime.queryD1(runtime.registry.list("d1")[0]?.uuid ?? "", [{ sql }]);
  return result?.rows ?? [];
}
/** A batch whose queue message was lost: its parts wait in R2 and D1. */
async function unannounced(ids: string[]): Promise<string> {
  faults().rules = [{ binding: "INGEST_QUEUE", error: "lost" }];
  const documents = ids.map((id) => ({ id, text: `The document ${id}.` }));
  const { status, json } = await service.call("POST", "/api/v1/documents/batch", { documents });
  expect(status).toBe(202);
  faults().rules = [];
  return json.job_id;
}
const deliver = (id: string, body: unknown) =>
  service.platform.runtime.deliver(SERVICE, QUEUES.ingest.name, [{ id, timestamp: new Date(), body, attempts: 1 }]);
const ingestMessage = (job_id: string): QueueMessage => ({ type: "ingest", job_id, part: 0 });
const job = async (id: string) => (await service.call("GET", `/api/v1/jobs/${id}`)).json;

test("a message that comes twice, at once or later, is done once", async () => {
  const id = await unannounced(["twice/a", "twice/b"]);
  const results = await Promise.all([deliver("m1", ingestMessage(id)), deliver("m2", ingestMessage(id))]);
  for (const { outcome } of results) expect(outcome).toBe("ok");
  const after = await job(id);
  expect(after).toMatchObject({ state: "done", documents: 2, failed: 0 });
  expect(after.created + after.unchanged).toBe(2);
  const state = "SELECT external_id, version, chunk_ids FROM documents WHERE external_id LIKE 'twice/%' ORDER BY 1";
  const stored = await rows(state);
  expect(stored.map(([, version]) => version)).toEqual([1, 1]);
  const embedded = service.platform.ai_usage().embedded_texts;
  await deliver("m1", ingestMessage(id));
  expect(await rows(state)).toEqual(stored);
  expect(await job(id)).toEqual(after);
  expect(service.platform.ai_usage().embedded_texts).toBe(embedded);
  const chunks = await rows(
    "SELECT count(*) FROM chunks c JOIN documents d ON d.id = c.document_id WHERE external_id LIKE 'twice/%'",
  );
  expect(chunks).toEqual([[2]]);
  const staged = await (await service.platform.runtime.r2(BUCKETS.vectors.name)).list({ prefix: `staging/${id}` });
  expect(staged.objects).toEqual([]);
});

test("a message of a newer release, which was rolled back, is done as far as it is known here", async () => {
  const id = await unannounced(["newer"]);
  const { explicitAcks } = await deliver("newer", { ...ingestMessage(id), baggage: "of tomorrow" });
  expect(explicitAcks).toEqual(["newer"]);
  expect((await job(id)).state).toBe("done");
});

test("one bad message of a batch is retried alone; the others are acknowledged", async () => {
  const id = await unannounced(["good"]);
  const messages = [{ nonsense: true }, ingestMessage(id), null, "text"].map((body, index) => ({
    id: `mixed-${index}`,
    timestamp: new Date(),
    body,
    attempts: 1,
  }));
  const result = await service.platform.runtime.deliver(SERVICE, QUEUES.ingest.name, messages);
  expect(result.explicitAcks).toEqual(["mixed-1"]);
  expect(result.retryMessages.map(({ msgId }) => msgId)).toEqual(["mixed-0", "mixed-2", "mixed-3"]);
  for (const { delaySeconds } of result.retryMessages) expect(delaySeconds).toBeGreaterThan(0);
  expect((await job(id)).state).toBe("done");
});

test("retries back off, up to a limit", async () => {
  const delays: number[] = [];
  for (const attempts of [1, 2, 3, 30]) {
    const message = { id: "backoff", timestamp: new Date(), body: "nonsense", attempts };
    const { retryMessages } = await service.platform.runtime.deliver(SERVICE, QUEUES.ingest.name, [message]);
    delays.push(retryMessages[0]?.delaySeconds ?? 0);
  }
  expect(delays).toEqual([5, 10, 20, RETRY_BACKOFF_MAX_S]);
});

test("a part that cannot be ingested ends as a dead letter, and its job says which documents failed", async () => {
  // The message reaches the queue, while the consumer finds documents that it cannot read.
  faults().rules = [{ binding: "VECTOR_PACKS", method: "get", error: "not now" }];
  const documents = [
    { id: "poison", text: "Was fine." },
    { id: "beside", text: "Was fine too." },
  ];
  const { json } = await service.call("POST", "/api/v1/documents/batch", { documents });
  const bucket = await service.platform.runtime.r2(BUCKETS.vectors.name);
  const broken = [{ id: "poison", title: "t", text: 7, format: "text", url: null, metadata: {} }, documents[1]];
  await bucket.put(stagedKey(json.job_id, 0), JSON.stringify(broken));
  faults().rules = [];
  const state = async () => {
    faults().clock_offset_ms += RETRY_BACKOFF_MAX_S * 1000;
    return (await job(json.job_id)).state;
  };
  await expect.poll(state, { interval: 100, timeout: 50_000 }).not.toBe("queued");
  const ended = await job(json.job_id);
  expect(ended).toMatchObject({ state: "failed", failed: 2, created: 0, parts: { total: 1, failed: 1 } });
  expect(ended.errors.map(({ id }: { id: string }) => id)).toEqual(["poison", "beside"]);
  expect(ended.errors[0].detail).toMatch(/dead letter/);
  expect(ended.finished_at).not.toBeNull();
  const [letter] = await rows("SELECT queue, body, attempts FROM dead_letters");
  expect(letter?.[0]).toBe(QUEUES.dead.name);
  const traceparent = expect.stringMatching(/^00-[\da-f]{32}-[\da-f]{16}-00$/);
  expect(JSON.parse(String(letter?.[1]))).toEqual({ ...ingestMessage(json.job_id), traceparent });
  expect((await service.call("GET", "/api/v1/documents/poison")).status).toBe(404);
});
