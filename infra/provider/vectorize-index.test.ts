import { join } from "node:path";
import Cloudflare from "cloudflare";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { type Platform, startPlatform } from "../local/platform.ts";
import { type ApiFront, startFront } from "./api-front.fixture.ts";
import { PluginUnderTest, type Recorded, UNKNOWN } from "./plugin.fixture.ts";
import type { Properties } from "./plugin.ts";

const COMMAND = join(import.meta.dirname, "pulumi-resource-prism");
const URN = "urn:pulumi:test::prism::prism:index:VectorizeIndex::chunks";

let platform: Platform;
let front: ApiFront;
let plugin: PluginUnderTest;
let client: Cloudflare;

beforeAll(async () => {
  platform = await startPlatform({ api_budget: false });
  front = await startFront(platform.api_url);
  plugin = await PluginUnderTest.start(COMMAND, { CLOUDFLARE_API_TOKEN: platform.api_token });
  await plugin.configure({ baseUrl: front.url });
  client = new Cloudflare({ apiToken: platform.api_token, baseURL: platform.api_url });
});
afterAll(async () => {
  await plugin?.stop();
  front?.close();
  await platform?.close();
});

let serial = 0;
let inputs: Properties;
let id: string;
beforeEach(() => {
  const name = `index-${serial++}`;
  id = `${platform.account_id}/${name}`;
  inputs = {
    accountId: platform.account_id,
    name,
    dimensions: 3,
    metric: "cosine",
    description: "",
    metadataIndexes: [
      { property: "language", type: "string" },
      { property: "author", type: "string" },
    ],
    forceDestroy: false,
  };
});
afterEach(() => {
  front.rules = [];
  front.seen = [];
  plugin.warnings.length = 0;
  platform.vectorize.setMutationDelay(50);
});

const at = () => ({ account_id: platform.account_id });
const name = () => String(inputs.name);
const create = () => plugin.create(URN, inputs);
const properties = async () => {
  const { metadataIndexes = [] } = (await client.vectorize.indexes.metadataIndex.list(name(), at())) ?? {};
  return metadataIndexes.map(({ propertyName }) => propertyName);
};
const addVector = async () => {
  const line = JSON.stringify({ id: "v", values: [1, 0, 0], metadata: { language: "en" } });
  await client.vectorize.indexes.upsert(name(), { ...at(), body: new File([line], "vectors.ndjson") });
  await platform.vectorize.flush();
};
const posts = () => front.seen.filter((request) => !request.startsWith("GET"));
const refusal = (work: Promise<unknown>): Promise<Error & { recorded?: Recorded }> =>
  work.then(
    () => {
      throw new Error("it was not refused");
    },
    (error) => error,
  );

test("create makes the index and then its metadata indexes, which are visible before anything else can run", async () => {
  const created = await create();
  expect(created.id).toBe(id);
  expect(created.outputs).toEqual({ ...inputs, createdOn: expect.stringMatching(/^20/) });
  expect(await properties()).toEqual(["language", "author"]);
  expect(posts().map((request) => request.split("/").at(-1))).toEqual(["indexes", "create", "create"]);
});

test("a second look finds nothing to change, in whatever order the metadata indexes come", async () => {
  const { outputs } = await create();
  const read = await plugin.read(URN, id, outputs, inputs);
  expect(read).toEqual({ outputs, inputs });
  const reordered = { ...inputs, metadataIndexes: (inputs.metadataIndexes as unknown[]).toReversed() };
  expect(await plugin.diff(URN, id, outputs, reordered)).toMatchObject({ changes: false, replaces: [] });
});

test("an import needs only the id, and yields the inputs that describe the index", async () => {
  await create();
  expect(await plugin.read(URN, id)).toMatchObject({ inputs: { ...inputs, metadataIndexes: expect.any(Array) } });
  const { message } = await refusal(plugin.read(URN, "prism-chunks"));
  expect(message).toMatch(/is not the id of a VectorizeIndex.*\nTry: <account id>\/<index name>/s);
});

test("defaults are filled in, and what is not known yet in a preview is not checked", async () => {
  const { accountId, dimensions, metric } = inputs;
  expect(await plugin.check(URN, { accountId, name: UNKNOWN, dimensions, metric })).toEqual({
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
  const { failures } = await plugin.check(URN, { ...inputs, [key]: value });
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
  expect(await plugin.diff(URN, id, state, { ...inputs, [property]: value })).toEqual({
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
  expect(await plugin.diff(URN, id, outputs, news)).toMatchObject({ changed: ["metadataIndexes"], replaces: [] });
  expect(plugin.warnings).toEqual([]);
  expect(await plugin.update(URN, id, outputs, news)).toEqual({ ...outputs, metadataIndexes });
  expect((await plugin.read(URN, id, outputs, news))?.inputs).toEqual(news);
});

test("an index added to vectors that are there already is announced with what it cannot do", async () => {
  const { outputs } = await create();
  await addVector();
  const news = { ...inputs, metadataIndexes: [{ property: "archived", type: "boolean" }] };
  await plugin.diff(URN, id, outputs, news);
  expect(plugin.warnings).toEqual([
    expect.stringMatching(/holds 1 vectors, which will not be filterable by archived.*new generation/),
  ]);
});

test("a description cannot change: the plan says so and replaces nothing", async () => {
  const { outputs } = await create();
  const diff = await plugin.diff(URN, id, outputs, { ...inputs, description: "chunks" });
  expect(diff.changes).toBe(false);
  expect(plugin.warnings).toEqual([expect.stringMatching(/cannot change a description/)]);
});

test("a preview changes nothing and knows what the index will be called", async () => {
  const preview = { preview: true };
  const created = await plugin.create(URN, { ...inputs, accountId: UNKNOWN }, preview);
  expect(created).toEqual({ id: "", outputs: { ...inputs, accountId: UNKNOWN } });
  const news = { ...inputs, metadataIndexes: [] };
  expect(await plugin.update(URN, id, { ...inputs, createdOn: "x" }, news, preview)).toEqual({
    ...news,
    createdOn: "x",
  });
  expect(front.seen).toEqual([]);
});

test("delete is refused while the index holds vectors, unless forceDestroy is in state", async () => {
  const { outputs } = await create();
  await addVector();
  const { message } = await refusal(plugin.delete(URN, id, outputs));
  expect(message).toMatch(/holds 1 vectors.*\nTry: .*forceDestroy/s);
  const news = { ...inputs, forceDestroy: true };
  expect(await plugin.diff(URN, id, outputs, news)).toMatchObject({ changed: ["forceDestroy"], replaces: [] });
  await plugin.delete(URN, id, await plugin.update(URN, id, outputs, news));
  expect(await plugin.read(URN, id, outputs, inputs)).toBeNull();
});

test("an empty index is deleted, and deleting it again is no error", async () => {
  const { outputs } = await create();
  await plugin.delete(URN, id, outputs);
  await plugin.delete(URN, id, outputs);
  expect(await plugin.read(URN, id, outputs, inputs)).toBeNull();
});

test("a name that is taken is refused with the command that adopts it", async () => {
  await create();
  const { message, recorded } = await refusal(create());
  expect(message).toContain(`pulumi import prism:index:VectorizeIndex chunks ${id}`);
  expect(recorded).toBeUndefined();
});

test("a refresh notices an index that is gone, changed or made anew behind its back", async () => {
  const { outputs } = await create();
  await client.vectorize.indexes.metadataIndex.delete(name(), { ...at(), propertyName: "author" });
  await platform.vectorize.flush();
  const changed = await plugin.read(URN, id, outputs, inputs);
  expect(changed?.inputs).toEqual({ ...inputs, metadataIndexes: [{ property: "language", type: "string" }] });
  expect(await plugin.diff(URN, id, changed?.outputs ?? {}, inputs)).toMatchObject({ changed: ["metadataIndexes"] });

  await client.vectorize.indexes.delete(name(), at());
  expect(await plugin.read(URN, id, outputs, inputs)).toBeNull();

  await client.vectorize.indexes.create({ ...at(), name: name(), config: { dimensions: 5, metric: "cosine" } });
  const anew = await plugin.read(URN, id, outputs, inputs);
  expect(anew?.outputs.createdOn).not.toBe(outputs.createdOn);
  expect(await plugin.diff(URN, id, anew?.outputs ?? {}, inputs)).toMatchObject({ replaces: ["dimensions"] });
});

test("metadata indexes that stay invisible fail the create, which records the index for the next run", async () => {
  platform.vectorize.setMutationDelay(Number.POSITIVE_INFINITY);
  const { message, recorded } = await refusal(plugin.create(URN, inputs, { timeout_s: 0.3 }));
  expect(message).toMatch(/accepted the metadata indexes .* does not show them after 0.3 s; visible are: none/);
  expect(recorded).toMatchObject({ id, outputs: { ...inputs, metadataIndexes: [] } });

  platform.vectorize.setMutationDelay(50);
  const state = recorded?.outputs ?? {};
  expect(await plugin.diff(URN, id, state, inputs)).toMatchObject({ changed: ["metadataIndexes"], replaces: [] });
  expect(await plugin.update(URN, id, state, inputs)).toMatchObject(inputs);
});

test("stopping the engine ends a wait at once", async () => {
  platform.vectorize.setMutationDelay(Number.POSITIVE_INFINITY);
  const own = await PluginUnderTest.start(COMMAND, {
    CLOUDFLARE_API_TOKEN: platform.api_token,
    CLOUDFLARE_BASE_URL: front.url,
  });
  try {
    await own.configure();
    const work = refusal(own.create(URN, inputs));
    await expect.poll(() => front.seen.filter((request) => request.endsWith("metadata_index/list")).length).toBe(3);
    await own.cancel();
    const { message, recorded } = await work;
    expect(message).toMatch(/abort|stopped/i);
    expect(recorded?.id).toBe(id);
  } finally {
    await own.stop();
  }
});

test("an index whose creation was answered into the void is recognised as ours", async () => {
  front.rules.push({ method: "POST", path: "/indexes", times: 1, answer: "lose" });
  expect((await create()).outputs).toMatchObject(inputs);
  expect(posts().filter((request) => request.endsWith("/indexes"))).toHaveLength(1);
});

test("a spent request budget is waited for as long as Retry-After says", async () => {
  const answer = { status: 429, headers: { "retry-after": "0.1" }, code: 971, message: "Please wait" };
  front.rules.push(
    { method: "POST", path: "/indexes", times: 2, answer },
    { method: "GET", path: "", times: 1, answer },
  );
  expect((await create()).outputs).toMatchObject(inputs);
});

test("a budget that does not recover in time fails with what to do, and nothing was made", async () => {
  const answer = { status: 429, headers: { "retry-after": "3600" }, code: 971, message: "Please wait" };
  front.rules.push({ method: "POST", path: "/indexes", answer });
  const { message, recorded } = await refusal(create());
  expect(message).toMatch(/budget of API requests.*\nTry: wait five minutes/s);
  expect(recorded).toBeUndefined();
});

test("a passing failure of Cloudflare is survived, a lasting one is named", async () => {
  const answer = { status: 500, code: 10000, message: "internal error" };
  front.rules.push({ method: "POST", path: "metadata_index/create", times: 2, answer });
  expect((await create()).outputs).toMatchObject(inputs);

  front.rules.push({ method: "GET", path: "", answer });
  const { message } = await refusal(plugin.read(URN, id, {}, inputs));
  expect(message).toMatch(/failed with 500: internal error.*\nTry: look at https:\/\/www.cloudflarestatus.com/s);
});

test("when the metadata indexes fail for good, state still learns that the index exists", async () => {
  const answer = { status: 500, code: 10000, message: "internal error" };
  front.rules.push({ method: "POST", path: "metadata_index/create", answer });
  const { message, recorded } = await refusal(create());
  expect(message).toMatch(/Cannot create the metadata index language .* failed with 500/);
  expect(recorded).toMatchObject({ id, outputs: { dimensions: 3, metadataIndexes: [] } });
});

test("a token without the scope is told which one it lacks", async () => {
  const groups = client.accounts.tokens.permissionGroups.list({ ...at(), name: "Vectorize Read" });
  const [group] = (await groups).result;
  const reader = await client.accounts.tokens.create({
    ...at(),
    name: "reader",
    policies: [{ effect: "allow", permission_groups: [{ id: group?.id ?? "" }], resources: {} }],
  });
  const own = await PluginUnderTest.start(COMMAND, { CLOUDFLARE_API_TOKEN: reader.value ?? "" });
  try {
    await own.configure({ baseUrl: platform.api_url });
    const { message } = await refusal(own.create(URN, inputs));
    expect(message).toMatch(/token may not do this: .*\nTry: .*"Vectorize Edit" on account/s);
  } finally {
    await own.stop();
  }
});

test("an unreachable API is named with the settings to check", async () => {
  const own = await PluginUnderTest.start(COMMAND, { CLOUDFLARE_API_TOKEN: "token" });
  try {
    await own.configure({ baseUrl: "http://127.0.0.1:1" });
    const { message } = await refusal(own.read(URN, id));
    expect(message).toMatch(/cannot be reached.*\nTry: check the network and CLOUDFLARE_BASE_URL/s);
  } finally {
    await own.stop();
  }
});

test("without a token the provider refuses to start work, and a wrong one is named as such", async () => {
  const own = await PluginUnderTest.start(COMMAND, { CLOUDFLARE_BASE_URL: platform.api_url });
  try {
    expect((await refusal(own.configure())).message).toMatch(/no Cloudflare API token.*CLOUDFLARE_API_TOKEN/s);
    await own.configure({ apiToken: "mistyped" });
    const { message } = await refusal(own.create(URN, inputs));
    expect(message).toMatch(/does not know the API token.*\nTry: set CLOUDFLARE_API_TOKEN/s);
  } finally {
    await own.stop();
  }
});

test("the provider keeps only its own configuration, the token as a secret", async () => {
  const kept = await plugin.checkConfig({ apiToken: "t", baseUrl: "http://x", jwtSecret: "project", plan: "free" });
  expect(kept).toEqual({ apiToken: expect.objectContaining({ value: "t" }), baseUrl: "http://x" });
});

test("the package schema describes every input and output of the resource", async () => {
  const { resources } = (await plugin.schema()) as {
    resources: Record<string, Record<"inputProperties" | "properties", Properties>>;
  };
  const { inputProperties, properties } = resources["prism:index:VectorizeIndex"] ?? {};
  expect(Object.keys(inputProperties ?? {})).toEqual(Object.keys(inputs));
  expect(Object.keys(properties ?? {})).toEqual([...Object.keys(inputs), "createdOn"]);
});

test("the token is in no output, message or print", async () => {
  const { outputs } = await create();
  const read = await plugin.read(URN, id, outputs, inputs);
  const { message } = await refusal(create());
  const everything = JSON.stringify({ outputs, read, message, warnings: plugin.warnings }) + plugin.printed;
  expect(everything).not.toContain(platform.api_token);
});
