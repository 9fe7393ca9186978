import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { COMMAND, type IndexRig, newIndex, refusal, startIndexRig, URN } from "./index-rig.fixture.ts";
import { PluginUnderTest } from "./plugin.fixture.ts";

let rig: IndexRig;
/** Without a token of its own. */
let bare: PluginUnderTest;
beforeAll(async () => {
  rig = await startIndexRig();
  bare = await PluginUnderTest.start(COMMAND, { CLOUDFLARE_BASE_URL: rig.platform.api_url });
});
afterAll(async () => {
  await bare?.stop();
  await rig?.close();
});

let inputs: ReturnType<typeof newIndex>["inputs"];
let id: string;
beforeEach(() => {
  ({ id, inputs } = newIndex(rig.platform));
});
afterEach(() => rig.calm());

const at = () => ({ account_id: rig.platform.account_id });
const create = () => rig.plugin.create(URN, inputs);
const posts = () => rig.front.seen.filter((request) => !request.startsWith("GET"));

test("a name that is taken is refused with the command that adopts it", async () => {
  await create();
  const { message, recorded } = await refusal(create());
  expect(message).toContain(`pulumi import vectorize:index:VectorizeIndex chunks ${id}`);
  expect(recorded).toBeUndefined();
});

test("metadata indexes that stay invisible fail the create, which records the index for the next run", async () => {
  rig.platform.vectorize.setMutationDelay(Number.POSITIVE_INFINITY);
  const { message, recorded } = await refusal(rig.plugin.create(URN, inputs, { timeout_s: 0.3 }));
  expect(message).toMatch(/accepted the metadata indexes .* does not show them after 0.3 s; visible are: none/);
  expect(recorded).toMatchObject({ id, outputs: { ...inputs, metadataIndexes: [] } });

  rig.platform.vectorize.setMutationDelay(0);
  const state = recorded?.outputs ?? {};
  expect(await rig.plugin.diff(URN, id, state, inputs)).toMatchObject({ changed: ["metadataIndexes"], replaces: [] });
  expect(await rig.plugin.update(URN, id, state, inputs)).toMatchObject(inputs);
});

test("stopping the engine ends a wait at once", async () => {
  rig.platform.vectorize.setMutationDelay(Number.POSITIVE_INFINITY);
  const own = await PluginUnderTest.start(COMMAND, {
    CLOUDFLARE_API_TOKEN: rig.platform.api_token,
    CLOUDFLARE_BASE_URL: rig.front.url,
  });
  try {
    await own.configure();
    const work = refusal(own.create(URN, inputs));
    const looks = () => rig.front.seen.filter((request) => request.endsWith("metadata_index/list")).length;
    await expect.poll(looks, { timeout: 30_000 }).toBeGreaterThan(2);
    await own.cancel();
    const { message, recorded } = await work;
    expect(message).toMatch(/abort|stopped/i);
    expect(recorded?.id).toBe(id);
  } finally {
    await own.stop();
  }
});

test("an index whose creation was answered into the void is recognised as ours", async () => {
  rig.front.rules.push({ method: "POST", path: "/indexes", times: 1, answer: "lose" });
  expect((await create()).outputs).toMatchObject(inputs);
  expect(posts().filter((request) => request.endsWith("/indexes"))).toHaveLength(1);
});

test("a spent request budget is waited for as long as Retry-After says", async () => {
  const answer = { status: 429, headers: { "retry-after": "0.1" }, code: 971, message: "Please wait" };
  rig.front.rules.push(
    { method: "POST", path: "/indexes", times: 2, answer },
    { method: "GET", path: "", times: 1, answer },
  );
  expect((await create()).outputs).toMatchObject(inputs);
});

test("a budget that does not recover in time fails with what to do, and nothing was made", async () => {
  const answer = { status: 429, headers: { "retry-after": "3600" }, code: 971, message: "Please wait" };
  rig.front.rules.push({ method: "POST", path: "/indexes", answer });
  const { message, recorded } = await refusal(create());
  expect(message).toMatch(/answered 429 .*Please wait.*\nTry: wait five minutes/s);
  expect(recorded).toBeUndefined();
});

test("a passing failure of Cloudflare is survived, a lasting one is named", async () => {
  const answer = { status: 500, code: 10000, message: "internal error" };
  rig.front.rules.push({ method: "POST", path: "metadata_index/create", times: 2, answer });
  expect((await create()).outputs).toMatchObject(inputs);

  rig.front.rules.push({ method: "GET", path: "", answer });
  const { message } = await refusal(rig.plugin.read(URN, id, {}, inputs));
  expect(message).toMatch(/answered 500 .*: internal error.*\nTry: look at https:\/\/www.cloudflarestatus.com/s);
});

test("when the metadata indexes fail for good, state still learns that the index exists", async () => {
  const answer = { status: 500, code: 10000, message: "internal error" };
  rig.front.rules.push({ method: "POST", path: "metadata_index/create", answer });
  const { message, recorded } = await refusal(create());
  expect(message).toMatch(/Cannot create the metadata index language .* answered 500/);
  expect(recorded).toMatchObject({ id, outputs: { dimensions: 3, metadataIndexes: [] } });
});

test("a token without the scope is told which one it lacks", async () => {
  const groups = rig.client.accounts.tokens.permissionGroups.list({ ...at(), name: "Vectorize Read" });
  const [group] = (await groups).result;
  const reader = await rig.client.accounts.tokens.create({
    ...at(),
    name: "reader",
    policies: [{ effect: "allow", permission_groups: [{ id: group?.id ?? "" }], resources: {} }],
  });
  await bare.configure({ apiToken: reader.value ?? "" });
  const { message } = await refusal(bare.create(URN, inputs));
  expect(message).toMatch(
    /answered 403 for account [0-9a-f]{32}: .*\nTry: give the token the permission "Vectorize Write"/s,
  );
});

test("an unreachable API is named with the settings to check", async () => {
  await bare.configure({ apiToken: "token", baseUrl: "http://127.0.0.1:1" });
  const { message } = await refusal(bare.read(URN, id));
  expect(message).toMatch(/cannot be reached.*\nTry: check the network and CLOUDFLARE_BASE_URL/s);
});

test("without a token the provider refuses to start work, and a wrong one is named as such", async () => {
  expect((await refusal(bare.configure())).message).toMatch(/no Cloudflare API token.*CLOUDFLARE_API_TOKEN/s);
  await bare.configure({ apiToken: "mistyped" });
  const { message } = await refusal(bare.create(URN, inputs));
  expect(message).toMatch(/answered 40[01] .*\nTry: set CLOUDFLARE_API_TOKEN/s);
});

test("the token is in no output, message or print", async () => {
  const { outputs } = await create();
  const read = await rig.plugin.read(URN, id, outputs, inputs);
  const { message } = await refusal(create());
  const everything = JSON.stringify({ outputs, read, message, warnings: rig.plugin.warnings }) + rig.plugin.printed;
  expect(everything).not.toContain(rig.platform.api_token);
});
