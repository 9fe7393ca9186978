import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { VectorizeStore } from "./store.ts";
import type { VectorInput } from "./types.ts";

const NAME = "chunks";

function openStore(path = ":memory:", now = () => Date.UTC(2026, 10, 1)): VectorizeStore {
  const store = new VectorizeStore(path, { now });
  onTestFinished(() => store.close());
  return store;
}

async function storeOf(vectors: VectorInput[], indexed: [string, "string" | "number" | "boolean"][] = []) {
  const store = openStore();
  store.createIndex({ name: NAME, config: { dimensions: 3, metric: "cosine" } });
  for (const [property, type] of indexed) store.createMetadataIndex(NAME, property, type);
  store.upsert(NAME, vectors);
  await store.flush();
  return store;
}

const vector = (id: string, metadata?: Record<string, unknown>, namespace?: string): VectorInput => ({
  id,
  values: [1, 0, 0],
  namespace,
  metadata,
});
const ids = (store: VectorizeStore, options = {}) => store.query(NAME, [1, 0, 0], options).matches.map(({ id }) => id);

test("a mutation is invisible when it is accepted and visible after its delay", async () => {
  const store = await storeOf([]);
  const { mutationId } = store.upsert(NAME, [vector("1")]);
  expect(store.info(NAME)).toMatchObject({ vectorCount: 0 });
  await vi.waitFor(() => expect(store.info(NAME)).toMatchObject({ vectorCount: 1, processedUpToMutation: mutationId }));
});

test("held mutations stay invisible until the delay is lifted", async () => {
  const store = await storeOf([]);
  store.setMutationDelay(Number.POSITIVE_INFINITY);
  store.upsert(NAME, [vector("1")]);
  store.deleteByIds(NAME, ["1"]);
  const { mutationId } = store.upsert(NAME, [vector("2")]);
  expect(ids(store)).toEqual([]);
  store.setMutationDelay(0);
  await vi.waitFor(() => expect(store.info(NAME).processedUpToMutation).toBe(mutationId));
  expect(ids(store)).toEqual(["2"]);
});

test("a mutation that was accepted before a restart is applied after it", async () => {
  const folder = await mkdtemp(join(tmpdir(), "vectorize-store-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const path = join(folder, "vectorize.sqlite");
  const before = new VectorizeStore(path, { now: Date.now });
  before.createIndex({ name: NAME, config: { dimensions: 3, metric: "euclidean" } });
  before.createMetadataIndex(NAME, "author", "string");
  before.upsert(NAME, [vector("1", { author: "a" }, "t")]);
  await before.flush();
  before.upsert(NAME, [{ ...vector("2", { author: "b" }, "t"), values: [0, 1.5, 0] }]);
  before.close();

  const after = openStore(path);
  expect(after.info(NAME).vectorCount).toBe(1);
  await after.flush();
  expect(after.getByIds(NAME, ["2", "none", "1"])).toEqual([
    { id: "2", namespace: "t", values: [0, 1.5, 0], metadata: { author: "b" } },
    { id: "1", namespace: "t", values: [1, 0, 0], metadata: { author: "a" } },
  ]);
  expect(ids(after, { filter: { author: "b" }, namespace: "t" })).toEqual(["2"]);
});

test("insert leaves existing ids as they are, upsert replaces them in full", async () => {
  const store = await storeOf([vector("1", { author: "a" }, "t")]);
  store.insert(NAME, [vector("1", { author: "b" }), vector("2")]);
  await store.flush();
  expect(store.getByIds(NAME, ["1"])[0]).toMatchObject({ namespace: "t", metadata: { author: "a" } });
  store.upsert(NAME, [{ id: "1", values: [0, 1, 0] }]);
  await store.flush();
  expect(store.getByIds(NAME, ["1", "2"])).toEqual([
    { id: "1", values: [0, 1, 0] },
    { id: "2", values: [1, 0, 0] },
  ]);
});

test("a batch larger than one slice is applied whole and in order", async () => {
  const store = await storeOf(Array.from({ length: 1201 }, (_, i) => vector(String(i % 1200), { i })));
  expect(store.info(NAME).vectorCount).toBe(1200);
  expect(store.getByIds(NAME, ["0"])[0]?.metadata).toEqual({ i: 1200 });
});

test("a query sees its namespace only, and every namespace without one", async () => {
  const store = await storeOf([vector("1", undefined, "t"), vector("2", undefined, "u"), vector("3")]);
  expect(ids(store, { namespace: "t" })).toEqual(["1"]);
  expect(ids(store, { namespace: "none" })).toEqual([]);
  expect(ids(store).sort()).toEqual(["1", "2", "3"]);
});

test("returnMetadata gives nothing, the indexed part or everything", async () => {
  const metadata = { author: "€".repeat(30), title: "t" };
  const store = await storeOf([vector("1", metadata)], [["author", "string"]]);
  const first = (options: object) => store.query(NAME, [1, 0, 0], options).matches[0];
  expect(first({})).toEqual({ id: "1", score: 1 });
  expect(first({ returnMetadata: "indexed" })?.metadata).toEqual({ author: "€".repeat(21) });
  expect(first({ returnMetadata: "all", returnValues: true })).toMatchObject({ metadata, values: [1, 0, 0] });
});

test("queryById finds the neighbours of a stored vector", async () => {
  const store = await storeOf([vector("1"), { id: "2", values: [0, 1, 0] }]);
  expect(store.queryById(NAME, "2", { topK: 1 }).matches[0]).toMatchObject({ id: "2", score: 1 });
  expect(() => store.queryById(NAME, "none")).toThrow(/does not exist/);
});

test("a metadata index holds only vectors that arrive after it", async () => {
  const store = await storeOf([vector("1", { author: "a" })]);
  store.createMetadataIndex(NAME, "author", "string");
  store.upsert(NAME, [vector("2", { author: "a" })]);
  await store.flush();
  expect(ids(store, { filter: { author: "a" } })).toEqual(["2"]);
  store.upsert(NAME, [vector("1", { author: "a" })]);
  await store.flush();
  expect(ids(store, { filter: { author: "a" } }).sort()).toEqual(["1", "2"]);
});

test("a metadata index that was deleted and made again starts empty", async () => {
  const store = await storeOf([vector("1", { author: "a" })], [["author", "string"]]);
  store.deleteMetadataIndex(NAME, "author");
  await store.flush();
  expect(() => ids(store, { filter: { author: "a" } })).toThrow(/no metadata index/);
  store.createMetadataIndex(NAME, "author", "string");
  await store.flush();
  expect(store.listMetadataIndexes(NAME)).toEqual([{ propertyName: "author", indexType: "string" }]);
  expect(ids(store, { filter: { author: "a" } })).toEqual([]);
});

test("vector ids are listed in pages that a cursor continues until it expires", async () => {
  let now_ms = 0;
  const store = openStore(":memory:", () => now_ms);
  store.createIndex({ name: NAME, config: { dimensions: 3, metric: "cosine" } });
  store.upsert(
    NAME,
    ["b", "c", "a"].map((id) => vector(id)),
  );
  await store.flush();
  const first = store.listVectors(NAME, 2);
  expect(first).toMatchObject({ count: 2, isTruncated: true, totalCount: 3, vectors: [{ id: "a" }, { id: "b" }] });
  const cursor = first.nextCursor ?? "";
  expect(store.listVectors(NAME, 2, cursor)).toMatchObject({
    isTruncated: false,
    vectors: [{ id: "c" }],
    nextCursor: null,
  });
  now_ms = 48 * 60 * 60 * 1000;
  expect(() => store.listVectors(NAME, 2, cursor)).toThrow(/expired/);
});

test("a deleted index is gone at once, says so, and takes its waiting mutations along", async () => {
  const store = await storeOf([vector("1")]);
  store.upsert(NAME, [vector("2")]);
  store.deleteIndex(NAME);
  await store.flush();
  expect(() => store.getIndex(NAME)).toThrow(expect.objectContaining({ code: 3005 }));
  store.createIndex({ name: NAME, config: { dimensions: 3, metric: "cosine" } });
  expect(store.info(NAME)).toEqual({
    dimensions: 3,
    vectorCount: 0,
    processedUpToMutation: "",
    processedUpToDatetime: null,
  });
});

const many = (count: number) => Array.from({ length: count }, (_, i) => String(i));

test.each<[string, number, (store: VectorizeStore) => void]>([
  [
    "an index has at most 1536 dimensions",
    3003,
    (s) => s.createIndex({ name: "x", config: { dimensions: 1537, metric: "cosine" } }),
  ],
  [
    "an index name has at most 64 bytes",
    3003,
    (s) => s.createIndex({ name: "x".repeat(65), config: { dimensions: 3, metric: "cosine" } }),
  ],
  [
    "an index name is taken once",
    3002,
    (s) => s.createIndex({ name: NAME, config: { dimensions: 3, metric: "cosine" } }),
  ],
  ["an unknown index is error 3000", 3000, (s) => s.info("none")],
  ["a vector has the index's dimensions", 40012, (s) => s.upsert(NAME, [{ id: "1", values: [1] }])],
  ["a query has the index's dimensions", 40006, (s) => s.query(NAME, [1])],
  ["values are finite in float32", 40023, (s) => s.upsert(NAME, [{ id: "1", values: [1e39, 0, 0] }])],
  ["an id has at most 64 bytes", 40008, (s) => s.upsert(NAME, [vector("é".repeat(33))])],
  ["a namespace has at most 64 bytes", 40009, (s) => s.upsert(NAME, [vector("1", {}, "x".repeat(65))])],
  ["metadata has at most 10 KiB", 40010, (s) => s.upsert(NAME, [vector("1", { text: "x".repeat(10_240) })])],
  ["a metadata key has no dot", 40010, (s) => s.upsert(NAME, [vector("1", { "a.b": 1 })])],
  ["a lone surrogate spoils the batch", 40023, (s) => s.upsert(NAME, [vector("1", { text: "\ud835" })])],
  ["at most 20 ids are read at a time", 40007, (s) => s.getByIds(NAME, many(21))],
  ["at most 100 ids are deleted at a time", 40007, (s) => s.deleteByIds(NAME, many(101))],
  ["top K is at most 100", 40025, (s) => s.query(NAME, [1, 0, 0], { topK: 101 })],
  ["top K is at most 50 with values", 40025, (s) => s.query(NAME, [1, 0, 0], { topK: 51, returnValues: true })],
  [
    "top K is at most 50 with all metadata",
    40025,
    (s) => s.query(NAME, [1, 0, 0], { topK: 51, returnMetadata: "all" }),
  ],
  ["top K is at least 1", 40025, (s) => s.query(NAME, [1, 0, 0], { topK: 0 })],
  ["a page lists at most 1000 ids", 40024, (s) => s.listVectors(NAME, 1001)],
  ["a cursor comes from a list", 40024, (s) => s.listVectors(NAME, 1, "x")],
])("%s", async (_, code, call) => {
  const store = await storeOf([]);
  expect(() => call(store)).toThrow(expect.objectContaining({ code }));
});

test("an index has at most 10 metadata indexes, those on their way included", async () => {
  const store = await storeOf([]);
  for (const property of many(10)) store.createMetadataIndex(NAME, `p${property}`, "string");
  expect(() => store.createMetadataIndex(NAME, "one-more", "string")).toThrow(/already has 10 metadata indexes/);
  store.deleteMetadataIndex(NAME, "p3");
  store.createMetadataIndex(NAME, "one-more", "string");
  await store.flush();
  expect(store.listMetadataIndexes(NAME)).toHaveLength(10);
});
