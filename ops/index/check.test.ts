/** Every kind of disparity, planted past the service: found by its name, mended from what is still there, and gone. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { BUCKETS } from "../../infra/inventory.ts";
import { readMigrations } from "../../infra/migration-files.ts";
import { type Service, startService } from "../../worker/service.fixture.ts";
import { invoked } from "../command/invoked.fixture.ts";
import { runCommand } from "../command/run-cli.fixture.ts";
import type { JsonValue } from "../d1/connection.ts";
import { VectorIndex } from "../generation/vector-index.ts";
import { liveStack } from "../restore/stack-state.fixture.ts";
import { KIND_NAMES, KINDS, type Kind } from "./check/kinds.ts";
import { indexCheck } from "./check.ts";

const folder = mkdtempSync(join(tmpdir(), "prism-check-"));
let service: Service;
let stack: Awaited<ReturnType<typeof liveStack>>;
let index: VectorIndex;
beforeAll(async () => {
  service = await startService({ data_dir: folder });
  stack = await liveStack(service.platform, folder);
  index = new VectorIndex(stack, stack.index);
});
afterAll(async () => {
  await service.close();
  rmSync(folder, { recursive: true, force: true });
});

/** As if the last write were minutes ago: what Vectorize does not show by then is not there. */
const later = () => Date.now() + 600_000;
const check = async (given: { repair?: boolean } = {}) => {
  await service.platform.vectorize.flush();
  const { data, exit_code } = await invoked(indexCheck, folder, given, { now: later });
  const counts = (list: { kind: Kind; count: number }[]) =>
    Object.fromEntries(list.map(({ kind, count }) => [kind, count]));
  return { ...data, exit_code, found: counts(data.found), left: counts(data.left) };
};

/** A document of several chunks, which are one pack. */
const textOf = (name: string) =>
  ["one", "two", "three"]
    .map((part) => `# ${part}\n\n${`Part ${part} of ${name} has its own words. `.repeat(25)}`)
    .join("\n\n");

async function put(name: string): Promise<number> {
  const { status } = await service.call("PUT", `/api/v1/documents/${name}`, {
    title: `Title of ${name}`,
    text: textOf(name),
    metadata: { collection: "shelf" },
  });
  expect(status).toBeLessThan(300);
  const [[id]] = await rows("SELECT id FROM documents WHERE external_id = ?1", name);
  return Number(id);
}

async function rows(sql: string, ...params: JsonValue[]): Promise<JsonValue[][] & [JsonValue[]]> {
  const [found] = await stack.database.batch([{ sql, params }]);
  return (found?.rows ?? []) as JsonValue[][] & [JsonValue[]];
}

/** Ids of a document's chunks, and the object key of their pack. */
async function chunksOf(document: number): Promise<{ ids: number[]; key: string }> {
  const found = await rows(
    "SELECT c.id, p.object_key FROM chunks c JOIN packs p ON p.id = c.pack_id WHERE document_id = ?1 ORDER BY c.id",
    document,
  );
  expect(found.length).toBeGreaterThan(1);
  return { ids: found.map(([id]) => Number(id)), key: String(found[0][1]) };
}

async function unguarded(sql: string, ...params: JsonValue[]): Promise<void> {
  const guard = readMigrations()
    .flatMap(({ statements }) => statements)
    .findLast((statement) => /^CREATE TRIGGER chunks_immutable\b/m.test(statement));
  await rows("DROP TRIGGER chunks_immutable");
  await rows(sql, ...params);
  await rows(guard?.slice(guard.indexOf("CREATE TRIGGER")) ?? "");
}

const columns = "tenant_term, title, heading, text, words";
const forget = (id: number) =>
  rows(
    `INSERT INTO chunks_fts (chunks_fts, rowid, ${columns}) SELECT 'delete', id, ${columns} FROM chunks WHERE id = ?1`,
    id,
  );

type Chunks = Awaited<ReturnType<typeof chunksOf>>;
/** What is done to a document of its own, and what a check then has to say of it. */
const PLANTS: Partial<Record<Kind, (document: number, chunks: Chunks) => Promise<Partial<Record<Kind, number>>>>> = {
  async "document-lacks-chunk"(_, { ids: [first = 0] }) {
    await rows("DELETE FROM chunks WHERE id = ?1", first);
    return { "document-lacks-chunk": 1, "vector-orphan": 1 };
  },
  async "document-token-count"(document) {
    await rows("UPDATE documents SET token_count = token_count + 7 WHERE id = ?1", document);
    return { "document-token-count": 1 };
  },
  async "chunk-unlisted"(_, { ids: [first = 0] }) {
    await rows(
      `INSERT INTO chunks (id, document_id, ${columns}, content_hash, token_count, pack_id, pack_slot)
       SELECT 800000, document_id, ${columns}, content_hash, token_count, pack_id, pack_slot FROM chunks WHERE id = ?1`,
      first,
    );
    return { "chunk-unlisted": 1 };
  },
  async "chunk-title"(document, { ids }) {
    await rows("UPDATE documents SET title = 'Another title' WHERE id = ?1", document);
    return { "chunk-title": ids.length };
  },
  async "chunk-tenant"(_, { ids: [first = 0] }) {
    await forget(first);
    await unguarded("UPDATE chunks SET tenant_term = 't610' WHERE id = ?1", first);
    await rows(`INSERT INTO chunks_fts (rowid, ${columns}) SELECT id, ${columns} FROM chunks WHERE id = ?1`, first);
    return { "chunk-tenant": 1 };
  },
  async "chunk-content"(_, { ids: [first = 0] }) {
    await rows("UPDATE chunks SET content_hash = ?2 WHERE id = ?1", first, "a".repeat(64));
    return { "chunk-content": 1, "place-content": 1 };
  },
  async "full-text-missing"(_, { ids: [first = 0] }) {
    await forget(first);
    return { "full-text-missing": 1 };
  },
  async "full-text-orphan"() {
    await rows("INSERT INTO chunks_fts (rowid, text) VALUES (900000, 'nobody has this')");
    return { "full-text-orphan": 1 };
  },
  async "pack-missing"(_, { ids, key }) {
    await (await service.platform.runtime.r2(BUCKETS.vectors.name)).delete(key);
    return { "pack-missing": ids.length };
  },
  async "pack-damaged"(_, { ids, key }) {
    await (await service.platform.runtime.r2(BUCKETS.vectors.name)).put(key, "PRISMVEC and nothing more");
    return { "pack-damaged": ids.length };
  },
  async "place-missing"(_, { ids: [first = 0, second = 0] }) {
    await rows("UPDATE chunks SET pack_id = NULL, pack_slot = NULL WHERE id = ?1", first);
    await rows("UPDATE chunks SET pack_slot = 99 WHERE id = ?1", second);
    return { "place-missing": 2 };
  },
  async "place-content"(_, { ids: [first = 0, second = 0] }) {
    await rows("UPDATE chunks SET pack_slot = 1 - pack_slot WHERE id IN (?1, ?2)", first, second);
    return { "place-content": 2 };
  },
  async "place-model"(_, { ids, key }) {
    await rows("UPDATE packs SET embedding_model = 'another-model' WHERE object_key = ?1", key);
    return { "place-model": ids.length };
  },
  async "vector-missing"(_, { ids: [first = 0] }) {
    await index.delete([String(first)]);
    return { "vector-missing": 1 };
  },
  async "vector-values"(_, { ids: [first = 0, second = 0] }) {
    await alter(first, { values: await valuesOf(second) });
    return { "vector-values": 1 };
  },
  async "vector-namespace"(_, { ids: [first = 0] }) {
    await alter(first, { namespace: "somebody-else" });
    return { "vector-namespace": 1 };
  },
  async "vector-metadata"(_, { ids: [first = 0] }) {
    await alter(first, { metadata: { collection: "another" } });
    return { "vector-metadata": 1 };
  },
  async "vector-orphan"(_, { ids: [first = 0] }) {
    await index.upsert([
      { id: "700000", values: await valuesOf(first), namespace: "default", metadata: {} },
      { id: "no-number", values: await valuesOf(first), namespace: "default", metadata: {} },
    ]);
    return { "vector-orphan": 2 };
  },
};

async function valuesOf(id: number): Promise<Float32Array> {
  const [{ values = [] } = {}] = await index.get([String(id)]);
  return Float32Array.from(values);
}

async function alter(id: number, change: object): Promise<void> {
  const entry = {
    id: String(id),
    values: await valuesOf(id),
    namespace: "default",
    metadata: { collection: "shelf" },
    ...change,
  };
  await index.upsert([entry]);
}

test("every kind is found by its name and mended; a lost text alone waits for its source, and comes back with it", async () => {
  const documents = new Map<string, number>();
  for (const kind of Object.keys(PLANTS)) documents.set(kind, await put(kind));
  await service.platform.vectorize.flush();
  const { stdout, code } = await runCommand(["index", "check", "--data", folder, "--json"]);
  expect({ code, ...JSON.parse(stdout) }).toMatchObject({ code: 0, found: [], left: [] });
  const sound = await check();
  expect(sound).toMatchObject({ exit_code: 0, found: {}, documents: documents.size });
  expect(sound.vectors).toBe(sound.chunks);

  const planted: Partial<Record<Kind, number>> = {};
  for (const [kind, plant] of Object.entries(PLANTS)) {
    const document = documents.get(kind) ?? 0;
    for (const [made, count] of Object.entries(await plant(document, await chunksOf(document))))
      planted[made as Kind] = (planted[made as Kind] ?? 0) + count;
  }
  expect(await check()).toMatchObject({ exit_code: 1, found: planted, left: planted });
  const { left } = (await invoked(indexCheck, folder, { repair: true }, { dry_run: true, now: later })).data;
  expect(left.map(({ kind }: { kind: Kind }) => kind)).toEqual(KIND_NAMES.filter((kind) => kind in planted));

  const lost = { "document-lacks-chunk": 1, "document-awaits-source": 2 };
  expect(await check({ repair: true })).toMatchObject({ exit_code: 4, found: planted, left: lost });
  expect(await check()).toMatchObject({ exit_code: 1, found: lost });
  for (const name of ["document-lacks-chunk", "chunk-content"]) await put(name);
  expect(await check()).toMatchObject({ exit_code: 0, found: {} });
  const [[title]] = await rows("SELECT title FROM documents WHERE external_id = 'chunk-title'");
  expect(title).toBe("Title of chunk-title");
}, 120_000);

test.each([
  ["place-model", "UPDATE packs SET embedding_model = 'another-model' WHERE object_key = ?1"],
  ["pack-damaged", "UPDATE packs SET vector_count = vector_count + 1 WHERE object_key = ?1"],
])("%s: a wrong row of a pack is made anew, although the same texts make the same pack", async (kind, sql) => {
  const { ids, key } = await chunksOf(await put(`row-${kind}`));
  await rows(sql, key);
  expect(await check({ repair: true })).toMatchObject({ exit_code: 0, found: { [kind]: ids.length }, left: {} });
  const [[again]] = await rows("SELECT count(*) FROM packs WHERE object_key = ?1", key);
  expect(again).toBe(1);
});

test("full text that holds other words, or is gone, is made anew and finds again", async () => {
  const { ids } = await chunksOf(await put("words"));
  const [first = 0] = ids;
  await forget(first);
  await rows(
    "INSERT INTO chunks_fts (rowid, tenant_term, text) SELECT id, tenant_term, 'gibberish' FROM chunks WHERE id = ?1",
    first,
  );
  expect(await check()).toMatchObject({ exit_code: 1, found: { "full-text-differs": 1 } });
  expect(await check({ repair: true })).toMatchObject({ exit_code: 0, left: {} });

  await rows("DROP TABLE chunks_fts");
  expect(await check()).toMatchObject({ exit_code: 1, found: { "full-text-gone": 1 } });
  expect(await check({ repair: true })).toMatchObject({ exit_code: 0, left: {} });
  const { json } = await service.call("POST", "/api/v1/search", { query: "words", mode: "text", top_k: 50 });
  expect(json.results.map(({ document_id }: { document_id: string }) => document_id)).toContain("words");
  await put("after");
  expect(await check()).toMatchObject({ exit_code: 0, found: {} });
}, 60_000);

test("no kind goes unplanted", () => {
  const here = [...Object.keys(PLANTS), "full-text-differs", "full-text-gone", "document-awaits-source"];
  expect(KIND_NAMES.filter((kind) => !here.includes(kind))).toEqual([]);
  expect(Object.keys(KINDS)).toHaveLength(here.length);
});
