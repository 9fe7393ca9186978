import { afterAll, beforeAll, expect, test } from "vitest";
import { BUCKETS, CRONS, SERVICE } from "../../infra/inventory.ts";
import { BREAKER_OPEN_MS, IDEMPOTENCY_LIFETIME_MS, OVERDUE_AFTER_MS, PACK_RETENTION_MS } from "../limits.ts";
import { WORDS_VERSION } from "../rag/text/index-words.ts";
import { type Service, startService } from "../service.fixture.ts";

let service: Service;
beforeAll(async () => {
  service = await startService({ faults: true });
});
afterAll(() => service.close());

function faults() {
  if (!service.platform.faults) throw new Error("the platform runs without the shim");
  return service.platform.faults;
}
async function count(table: string): Promise<unknown> {
  const { runtime } = service.platform;
  const sql = `SELECT count(*) FROM ${table}`;
  const [result] = await runtime.queryD1(runtime.registry.list("d1")[0]?.uuid ?? "", [{ sql }]);
  return result?.rows[0]?.[0];
}
const cron = (name: keyof typeof CRONS.worker) => service.platform.runtime.triggerSchedule(SERVICE, CRONS.worker[name]);

test("answers to idempotent requests are kept for a day, and the daily cron removes them", async () => {
  const post = () =>
    service.call("POST", "/api/v1/documents", { id: "once", text: "Once." }, { headers: { "idempotency-key": "k1" } });
  expect((await post()).status).toBe(201);
  expect((await post()).headers.get("idempotency-replayed")).toBe("true");
  await cron("daily");
  expect(await count("idempotency")).toBe(1);
  faults().clock_offset_ms += IDEMPOTENCY_LIFETIME_MS + 60_000;
  await cron("checks");
  expect(await count("idempotency")).toBe(1);
  await cron("daily");
  expect(await count("idempotency")).toBe(0);
  expect((await post()).headers.get("idempotency-replayed")).toBeNull();
});

test("a part whose message was lost is sent again when it is overdue, not before", async () => {
  faults().rules = [{ binding: "INGEST_QUEUE", error: "lost" }];
  const documents = [{ id: "late", text: "Late, but whole." }];
  const { json } = await service.call("POST", "/api/v1/documents/batch", { documents });
  faults().rules = [];
  const state = async () => (await service.call("GET", `/api/v1/jobs/${json.job_id}`)).json.state;
  await cron("checks");
  expect(await state()).toBe("queued");
  faults().clock_offset_ms += OVERDUE_AFTER_MS + 1;
  await cron("checks");
  expect((await service.job(json.job_id)).state).toBe("done");
});

test("an unknown cron expression does nothing", async () => {
  await service.platform.runtime.triggerSchedule(SERVICE, "0 0 1 1 *");
});

test("vectors owed for long are probed one at a time, leave no dead letter, and all follow once Vectorize is back", async () => {
  faults().rules = [{ binding: "VECTORIZE", error: "down" }];
  for (const id of ["owed/1", "owed/2", "owed/3"]) {
    const { json } = await service.call("PUT", `/api/v1/documents/${encodeURIComponent(id)}`, { text: `Owed ${id}.` });
    expect(json.vectors).toBe("pending");
  }
  await expect.poll(() => count("vector_outbox")).toBe(3);
  faults().clock_offset_ms += OVERDUE_AFTER_MS + 1;
  await cron("checks");
  const letters = await count("dead_letters");
  faults().rules = [];
  // The breaker that the outage opened closes again.
  faults().clock_offset_ms += BREAKER_OPEN_MS + 1;
  await cron("checks");
  // One is let through; the others wait as long once more.
  await expect
    .poll(
      () => {
        faults().clock_offset_ms += 1000;
        return count("vector_outbox");
      },
      { timeout: 30_000 },
    )
    .toBe(0);
  expect(await count("dead_letters")).toBe(letters);
});

test("a vector pack is deleted only after nothing has pointed to it for the Time Travel window", async () => {
  const packs = async () =>
    (await (await service.platform.runtime.r2(BUCKETS.vectors.name)).list({ prefix: "packs/" })).objects;
  await service.call("PUT", "/api/v1/documents/packed", { text: "A text with a pack of its own." });
  const before = (await packs()).length;
  await service.call("DELETE", "/api/v1/documents/packed");
  await cron("daily");
  expect(await packs()).toHaveLength(before);
  faults().clock_offset_ms += PACK_RETENTION_MS + 60_000;
  await cron("daily");
  expect(await packs()).toHaveLength(before - 1);
  const { status } = await service.call("GET", "/api/v1/documents/once");
  expect(status).toBe(200);
});

test("chunks that a Worker of before wrote, in bulk or beside this one, are found as it reads them after the next check, and caches learn of it", async () => {
  const { runtime } = service.platform;
  const database = runtime.registry.list("d1")[0]?.uuid ?? "";
  const sql = async (text: string) => (await runtime.queryD1(database, [{ sql: text }]))[0]?.rows ?? [];
  await service.call("PUT", "/api/v1/documents/old", { text: "데이터베이스 백업 서버는 매일 밤 시작한다." });
  const find = async () => {
    const { json } = await service.call("POST", "/api/v1/search", { query: "데이터", mode: "text" });
    return json.results.map(({ document_id }: { document_id: string }) => document_id);
  };
  /** Past the service, whose caches go by the index version. */
  const spoil = async (words: string, chunks: string) => {
    await sql(`UPDATE chunks SET words = ${words} WHERE ${chunks}`);
    await sql("UPDATE tenants SET index_version = index_version + 1");
  };
  // Of a release whose tokenizer was another, and of one that knew no words at all.
  for (const words of ["'u0000'", "NULL"]) {
    await spoil(words, "true");
    await sql("UPDATE sequences SET name = 'words/0', next = 1000000 WHERE name GLOB 'words/*'");
    expect(await find()).toEqual([]);
    await cron("checks");
    expect(await find()).toEqual(["old"]);
    expect(await sql("SELECT name FROM sequences WHERE name GLOB 'words/*'")).toEqual([[`words/${WORDS_VERSION}`]]);
  }
  // An older Worker writes on while this one takes over, and this one leaves alone what a newer one reads otherwise.
  const [[last] = []] = await sql("SELECT max(id) FROM chunks");
  await service.call("PUT", "/api/v1/documents/late", { text: "데이터 센터" });
  await spoil("''", `id > ${last}`);
  await cron("checks");
  expect((await find()).toSorted()).toEqual(["late", "old"]);
  await spoil("''", "true");
  await sql("UPDATE sequences SET name = 'words/1000', next = 1 WHERE name GLOB 'words/*'");
  await cron("checks");
  expect(await find()).toEqual([]);
});
