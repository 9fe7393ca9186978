import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { type IndexRig, newIndex, refusal, startIndexRig, URN } from "./index-rig.fixture.ts";
import { UNKNOWN } from "./plugin.fixture.ts";
import type { Properties } from "./plugin.ts";

let rig: IndexRig;
beforeAll(async () => {
  rig = await startIndexRig();
});
afterAll(() => rig?.close());

let inputs: ReturnType<typeof newIndex>["inputs"];
let id: string;
beforeEach(() => {
  ({ id, inputs } = newIndex(rig.platform));
});
afterEach(() => rig.calm());

const at = () => ({ account_id: rig.platform.account_id });
const create = () => rig.plugin.create(URN, inputs);
const posts = () => rig.front.seen.filter((request) => !request.startsWith("GET"));
const properties = async () => {
  const { metadataIndexes = [] } = (await rig.client.vectorize.indexes.metadataIndex.list(inputs.name, at())) ?? {};
  return metadataIndexes.map(({ propertyName }) => propertyName);
};
const addVector = async () => {
  const line = JSON.stringify({ id: "v", values: [1, 0, 0], metadata: { language: "en" } });
  await rig.client.vectorize.indexes.upsert(inputs.name, { ...at(), body: new File([line], "vectors.ndjson") });
  await rig.platform.vectorize.flush();
};

test("create makes the index and then its metadata indexes, which are visible before anything else can run", async () => {
  const created = await create();
  expect(created.id).toBe(id);
  expect(created.outputs).toEqual({ ...inputs, createdOn: expect.stringMatching(/^20/) });
  expect(await properties()).toEqual(["language", "author"]);
  expect(posts().map((request) => request.split("/").at(-1))).toEqual(["indexes", "create", "create"]);
});

test("a second look finds nothing to change, in whatever order the metadata indexes come", async () => {
  const { outputs } = await create();
  const read = await rig.plugin.read(URN, id, outputs, inputs);
  expect(read).toEqual({ outputs, inputs });
  const reordered = { ...inputs, metadataIndexes: (inputs.metadataIndexes as unknown[]).toReversed() };
  expect(await rig.plugin.diff(URN, id, outputs, reordered)).toMatchObject({ changes: false, replaces: [] });
});

test("an import needs only the id, and yields the inputs that describe the index", async () => {
  await create();
  expect(await rig.plugin.read(URN, id)).toMatchObject({ inputs: { ...inputs, metadataIndexes: expect.any(Array) } });
  const { message } = await refusal(rig.plugin.read(URN, "prism-chunks"));
  expect(message).toMatch(/is not the id of a VectorizeIndex.*\nTry: <account id>\/<index name>/s);
});

test("defaults are filled in, and what is not known yet in a preview is not checked", async () => {
  const { accountId, dimensions, metric } = inputs;
  expect(await rig.plugin.check(URN, { accountId, name: UNKNOWN, dimensions, metric })).toEqual({
    inputs: { accountId, name: UNKNOWN, dimensions, metric, description: "", metadataIndexes: [], forceDestroy: false },
    failures: [],
  });
});

test.each([
  ["accountId", "somebody", /32 hexadecimal/],
  ["name", "-x", /beginning with a letter/],
  ["name", "x".repeat(65), /64/],
  ["dimensions", 1537, /1536/],
  ["dimensions", 1.5, /int/],
  ["metric", "manhattan", /cosine/],
  ["metadataIndexes", Array.from({ length: 11 }, (_, i) => ({ property: `p${i}`, type: "string" })), /10/],
  ["metadataIndexes", ["number", "string"].map((type) => ({ property: "p", type })), /once/],
  ["metadataIndexes[0].type", [{ property: "p", type: "date" }], /string/],
  ["dimension", 3, /is not an input/],
])("check refuses %s = %j", async (property, value, reason) => {
  const key = property.split("[")[0] ?? "";
  const { failures } = await rig.plugin.check(URN, { ...inputs, [key]: value });
  expect(failures).toEqual([expect.stringMatching(reason)]);
  expect(failures[0]).toMatch(new RegExp(`^${property.replace(/[[\]]/g, "\\$&")}: `));
});

test.each([
  ["dimensions", 4, true],
  ["metric", "euclidean", true],
  ["name", "another", false],
  ["name", UNKNOWN, false],
  ["accountId", "f".repeat(32), false],
])("another %s (%s) plans a replacement", async (property, value, delete_before_replace) => {
  const state = { ...inputs, createdOn: "2026-11-01T00:00:00Z" };
  expect(await rig.plugin.diff(URN, id, state, { ...inputs, [property]: value })).toEqual({
    changes: true,
    changed: [property],
    replaces: [property],
    delete_before_replace,
  });
});

test("metadata indexes are added, removed and retyped in place", async () => {
  const { outputs } = await create();
  const metadataIndexes = [
    { property: "language", type: "number" },
    { property: "archived", type: "boolean" },
  ];
  const news = { ...inputs, metadataIndexes };
  expect(await rig.plugin.diff(URN, id, outputs, news)).toMatchObject({ changed: ["metadataIndexes"], replaces: [] });
  expect(rig.plugin.warnings).toEqual([]);
  expect(await rig.plugin.update(URN, id, outputs, news)).toEqual({ ...outputs, metadataIndexes });
  expect((await rig.plugin.read(URN, id, outputs, news))?.inputs).toEqual(news);
});

test("an index added to vectors that are there already is announced with what it cannot do", async () => {
  const { outputs } = await create();
  await addVector();
  const news = { ...inputs, metadataIndexes: [{ property: "archived", type: "boolean" }] };
  await rig.plugin.diff(URN, id, outputs, news);
  expect(rig.plugin.warnings).toEqual([
    expect.stringMatching(/holds 1 vector, which will not be filterable by archived.*new generation/),
  ]);
});

test("a description cannot change: the plan says so and replaces nothing", async () => {
  const { outputs } = await create();
  const diff = await rig.plugin.diff(URN, id, outputs, { ...inputs, description: "chunks" });
  expect(diff.changes).toBe(false);
  expect(rig.plugin.warnings).toEqual([expect.stringMatching(/cannot change a description/)]);
});

test("a preview changes nothing and knows what the index will be called", async () => {
  const preview = { preview: true };
  const created = await rig.plugin.create(URN, { ...inputs, accountId: UNKNOWN }, preview);
  expect(created).toEqual({ id: "", outputs: { ...inputs, accountId: UNKNOWN } });
  const news = { ...inputs, metadataIndexes: [] };
  expect(await rig.plugin.update(URN, id, { ...inputs, createdOn: "x" }, news, preview)).toEqual({
    ...news,
    createdOn: "x",
  });
  expect(rig.front.seen).toEqual([]);
});

test("delete is refused while the index holds vectors, unless forceDestroy is in state", async () => {
  const { outputs } = await create();
  await addVector();
  const { message } = await refusal(rig.plugin.delete(URN, id, outputs));
  expect(message).toMatch(/holds 1 vector, .*\nTry: .*forceDestroy/s);
  const news = { ...inputs, forceDestroy: true };
  expect(await rig.plugin.diff(URN, id, outputs, news)).toMatchObject({ changed: ["forceDestroy"], replaces: [] });
  await rig.plugin.delete(URN, id, await rig.plugin.update(URN, id, outputs, news));
  expect(await rig.plugin.read(URN, id, outputs, inputs)).toBeNull();
});

test("an empty index is deleted, and deleting it again is no error", async () => {
  const { outputs } = await create();
  await rig.plugin.delete(URN, id, outputs);
  await rig.plugin.delete(URN, id, outputs);
  expect(await rig.plugin.read(URN, id, outputs, inputs)).toBeNull();
});

test("a refresh notices an index that is gone, changed or made anew behind its back", async () => {
  const { outputs } = await create();
  await rig.client.vectorize.indexes.metadataIndex.delete(inputs.name, { ...at(), propertyName: "author" });
  await rig.platform.vectorize.flush();
  const changed = await rig.plugin.read(URN, id, outputs, inputs);
  expect(changed?.inputs).toEqual({ ...inputs, metadataIndexes: [{ property: "language", type: "string" }] });
  expect(await rig.plugin.diff(URN, id, changed?.outputs ?? {}, inputs)).toMatchObject({
    changed: ["metadataIndexes"],
  });

  await rig.client.vectorize.indexes.delete(inputs.name, at());
  expect(await rig.plugin.read(URN, id, outputs, inputs)).toBeNull();

  await rig.client.vectorize.indexes.create({
    ...at(),
    name: inputs.name,
    config: { dimensions: 5, metric: "cosine" },
  });
  const anew = await rig.plugin.read(URN, id, outputs, inputs);
  expect(anew?.outputs.createdOn).not.toBe(outputs.createdOn);
  expect(await rig.plugin.diff(URN, id, anew?.outputs ?? {}, inputs)).toMatchObject({ replaces: ["dimensions"] });
});

test("the provider keeps only its own configuration, the token as a secret", async () => {
  const kept = await rig.plugin.checkConfig({ apiToken: "t", baseUrl: "http://x", jwtSecret: "project", plan: "free" });
  expect(kept).toEqual({ apiToken: expect.objectContaining({ value: "t" }), baseUrl: "http://x" });
});

test("the package schema describes every input and output of the resource", async () => {
  const { resources } = (await rig.plugin.schema()) as {
    resources: Record<string, Record<"inputProperties" | "properties", Properties>>;
  };
  const { inputProperties, properties } = resources["vectorize:index:VectorizeIndex"] ?? {};
  expect(Object.keys(inputProperties ?? {})).toEqual(Object.keys(inputs));
  expect(Object.keys(properties ?? {})).toEqual([...Object.keys(inputs), "createdOn"]);
});
