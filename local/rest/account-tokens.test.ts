import { afterAll, beforeAll, expect, test } from "vitest";
import { type RestUnderTest, startRest } from "./rest-server.fixture.ts";

let rest: RestUnderTest;
let account_id: string;
beforeAll(async () => {
  rest = await startRest();
  account_id = rest.account_id;
});
afterAll(() => rest.close());

type Policies = Parameters<typeof rest.client.accounts.tokens.create>[0]["policies"];
type Resources = Policies[number]["resources"];
const groups = new Map<string, string>();
beforeAll(async () => {
  const { permissionGroups } = rest.client.accounts.tokens;
  // Some are of an account and of a zone as well: the account's comes first.
  for await (const { id = "", name = "" } of permissionGroups.list({ account_id }))
    if (!groups.has(name)) groups.set(name, id);
});
const allow = (names: readonly string[], resources: Resources): Policies[number] => ({
  effect: "allow",
  permission_groups: names.map((name) => ({ id: groups.get(name) ?? `no group ${name}` })),
  resources,
});
const ours = () => ({ [`com.cloudflare.api.account.${account_id}`]: "*" });
const issue = async (name: string, group: string, fields: { expires_on?: string } = {}) =>
  rest.client.accounts.tokens.create({ account_id, name, policies: [allow([group], ours())], ...fields });
const tokenOf = async (...policies: Policies) =>
  (await rest.client.accounts.tokens.create({ account_id, name: "some", policies })).value ?? "";
const status = async (value: string | undefined, method: string, path: string, body?: unknown) =>
  (await rest.call(method, path, body, { Authorization: `Bearer ${value}` })).status;

test("a token may do what its permission groups say, and nothing else", async () => {
  const { value } = await issue("reader", "D1 Read");
  expect(await status(value, "GET", "/d1/database")).toBe(200);
  expect(await status(value, "POST", "/d1/database", { name: "x" })).toBe(403);
  expect(await status(value, "GET", "/queues")).toBe(403);
  expect(await status(value, "GET", "/tokens")).toBe(403);
});

test("who may read logs, tails or data points may not change a script", async () => {
  const asked: [permission: string, path: string, body: unknown][] = [
    [
      "Workers Observability Write",
      "/workers/observability/telemetry/query",
      { queryId: "q", timeframe: { from: 0, to: 1 }, parameters: {} },
    ],
    ["Account Analytics Read", "/analytics_engine/sql", "SHOW TABLES"],
    ["Workers Tail Read", "/workers/scripts/nobody/tails", { filters: [] }],
  ];
  for (const [permission, path, body] of asked) {
    const { value } = await issue(permission, permission);
    const answers = await Promise.all(asked.map(([, other]) => status(value, "POST", other, body)));
    // A script that does not exist is told to whoever may know.
    expect(answers.map((one) => one !== 403)).toEqual(asked.map(([, other]) => other === path));
    expect(await status(value, "PATCH", "/workers/scripts/nobody/script-settings", { logpush: false })).toBe(403);
  }
});

test("a token of any permission tells of itself that it is valid, as a user's token and as an account's", async () => {
  const { id, value } = await issue("self", "Queues Read");
  for (const path of ["/user/tokens/verify", `/accounts/${account_id}/tokens/verify`]) {
    const answer = await fetch(rest.url + path, { headers: { Authorization: `Bearer ${value}` } });
    expect(await answer.json()).toMatchObject({ result: { id, status: "active" } });
  }
});

test("the value is in the answer to the creation and in no other", async () => {
  const { id = "", value = "" } = await issue("once", "Queues Write");
  expect(value).not.toBe("");
  const answers = [
    await rest.client.accounts.tokens.get(id, { account_id }),
    (await rest.client.accounts.tokens.list({ account_id })).result,
  ];
  expect(JSON.stringify(answers)).toContain(id);
  expect(JSON.stringify(answers)).not.toContain(value);
});

test("a token ends with its expiry, when it is disabled, and when it is revoked", async () => {
  const expires_on = new Date(rest.engine.now() + 60_000).toISOString();
  const { id = "", value } = await issue("ending", "D1 Read", { expires_on });
  const { id: other = "", value: otherValue } = await issue("disabled", "D1 Read");
  expect(await status(value, "GET", "/d1/database")).toBe(200);

  const { policies } = (await rest.call("GET", `/tokens/${other}`)).body.result;
  const change = { name: "disabled", status: "disabled", policies };
  expect((await rest.call("PUT", `/tokens/${other}`, change)).status).toBe(200);
  expect(await status(otherValue, "GET", "/d1/database")).toBe(401);

  rest.engine.clock_offset_ms += 61_000;
  expect(await status(value, "GET", "/d1/database")).toBe(401);
  await rest.client.accounts.tokens.delete(id, { account_id });
  expect((await rest.call("GET", `/tokens/${id}`)).status).toBe(404);
});

test("a permission group that does not exist is refused", async () => {
  const policies = [{ effect: "allow", permission_groups: [{ id: "f".repeat(32) }], resources: {} }];
  expect((await rest.call("POST", "/tokens", { name: "x", policies })).status).toBe(400);
});

const ZONE = "a".repeat(32);
/** Which permission guards the routes below a path; the rest is who the token is and which account it has. */
const GUARDS: [path: RegExp, permission: string][] = [
  [/\/workers\/observability/, "Workers Observability"],
  [/\/scripts\/[^/]+\/tails/, "Workers Tail"],
  [/\/:account_id\/workers/, "Workers Scripts"],
  [/\/:account_id\/d1/, "D1"],
  [/\/storage\/kv/, "Workers KV Storage"],
  [/\/:account_id\/r2/, "Workers R2 Storage"],
  [/\/:account_id\/queues/, "Queues"],
  [/\/:account_id\/ai/, "Workers AI"],
  [/\/analytics_engine/, "Account Analytics"],
  [/\/vectorize/, "Vectorize"],
  [/\/:account_id\/tokens/, "Account API Tokens"],
  [/\/:account_id\/logpush/, "Logs"],
  [/\/:account_id\/alerting/, "Notifications"],
  [/\/subscriptions/, "Billing"],
  [/\/healthchecks/, "Health Checks"],
  [/\/rulesets/, "Zone WAF"],
  [/^\/zones/, "Zone"],
];
const FOR_ALL =
  /^\/(user|user\/tokens\/verify|accounts|accounts\/:account_id(\/tokens\/verify)?|memberships|graphql|signed\/.*)$/;
const READING_POSTS =
  /(bulk\/get|messages\/peek|:index_name\/query|get_by_ids|analytics_engine\/sql|ai\/run\/.*|tails)$/;

test("each route is behind one permission: no other opens it, and reading changes nothing", async () => {
  const known = (name: string) => groups.has(name);
  const everything = { ...ours(), [`com.cloudflare.api.account.zone.${ZONE}`]: "*" };
  const tokens = new Map<string, string>();
  for (const [, permission] of GUARDS) {
    const [read, write] = [`${permission} Read`, `${permission} Write`];
    tokens.set(read, await tokenOf(allow([read], everything)));
    if (known(write)) tokens.set(write, await tokenOf(allow([write], everything)));
    const others = [...groups.keys()].filter(
      (name) => name !== read && name !== write && !name.includes("Bucket Item"),
    );
    tokens.set(permission, await tokenOf(allow(others, everything)));
  }
  const isRefused = async (token: string, method: string, path: string) => {
    const url =
      rest.url +
      path
        .replace(":account_id", account_id)
        .replace(":zone_id", ZONE)
        .replaceAll(/:\w+(\{.+\})?/g, "x");
    const body = ["GET", "HEAD", "DELETE"].includes(method) ? null : "{}";
    const response = await fetch(url, { method, body, headers: { Authorization: `Bearer ${tokens.get(token)}` } });
    return (await response.text()).includes("the token lacks");
  };
  for (const { method, path } of rest.routes) {
    const permission = GUARDS.find(([pattern]) => pattern.test(path))?.[1];
    if (permission === undefined || FOR_ALL.test(path)) {
      expect(path).toMatch(FOR_ALL);
      continue;
    }
    const changes =
      method !== "GET" && !(method === "POST" && READING_POSTS.test(path)) && permission !== "Workers Tail";
    const isList = path === "/zones" && method === "GET";
    // One zone's permission makes no zone.
    const makesZone = path === "/zones" && method === "POST";
    const at = (token: string) => isRefused(token, method, path);
    expect([method, path, await at(permission)]).toEqual([method, path, !isList]);
    expect([method, path, await at(`${permission} Read`)]).toEqual([method, path, changes]);
    if (known(`${permission} Write`))
      expect([method, path, await at(`${permission} Write`)]).toEqual([method, path, makesZone]);
  }
});

test("a key that ends like a question's path is no question: who may read changes no object and no value", async () => {
  await rest.client.r2.buckets.create({ account_id, name: "guarded" });
  const { value } = await issue("reader", "Workers R2 Storage Read");
  for (const key of ["bulk/get", "messages/peek", "a/analytics_engine/sql", "ai/run/x", "vectorize/v2/indexes/x/query"])
    for (const method of ["PUT", "DELETE"])
      expect([key, method, await status(value, method, `/r2/buckets/guarded/objects/${key}`)]).toEqual([
        key,
        method,
        403,
      ]);
});

test("a permission counts for the account and the zones that its policy names, and for no other", async () => {
  const d1 = async (resources: Resources) =>
    status(await tokenOf(allow(["D1 Write"], resources)), "GET", "/d1/database");
  expect(await d1(ours())).toBe(200);
  expect(await d1({ "com.cloudflare.api.account.*": "*" })).toBe(200);
  expect(await d1({ [`com.cloudflare.api.account.${"f".repeat(32)}`]: "*" })).toBe(403);
  expect(await d1({ "com.cloudflare.api.account.zone.*": "*" })).toBe(403);
  const { id: zone = "" } = await rest.client.zones.create({ account: { id: account_id }, name: "one.example" });
  await rest.client.zones.create({ account: { id: account_id }, name: "other.example" });
  const seen = async (resources: Resources) => {
    const token = await tokenOf(allow(["Zone Read"], resources));
    const answer = await fetch(`${rest.url}/zones`, { headers: { Authorization: `Bearer ${token}` } });
    return ((await answer.json()) as { result: { name: string }[] }).result.map(({ name }) => name);
  };
  expect(await seen({ [`com.cloudflare.api.account.zone.${zone}`]: "*" })).toEqual(["one.example"]);
  expect(
    await seen({ [`com.cloudflare.api.account.${account_id}`]: { "com.cloudflare.api.account.zone.*": "*" } }),
  ).toEqual(["one.example", "other.example"]);
  expect(await seen(ours())).toEqual([]);
});

test("what would narrow a token and is not kept here is refused", async () => {
  const policies = [allow(["D1 Write"], ours())];
  const narrowed = [
    { name: "x", policies: [...policies, { ...allow(["D1 Read"], ours()), effect: "deny" }] },
    { name: "x", policies, condition: { request_ip: { in: ["203.0.113.0/24"] } } },
  ];
  for (const body of narrowed) {
    const refused = await rest.call("POST", "/tokens", body);
    expect([refused.status, refused.body.errors[0]?.message]).toEqual([400, expect.stringMatching(/local platform/)]);
  }
});
