import { afterAll, beforeAll, expect, test } from "vitest";
import { type RestUnderTest, startRest } from "./rest-server.fixture.ts";

let rest: RestUnderTest;
let account_id: string;
beforeAll(async () => {
  rest = await startRest();
  account_id = rest.account_id;
});
afterAll(() => rest.close());

const groupId = async (name: string) => {
  for await (const group of rest.client.accounts.tokens.permissionGroups.list({ account_id }))
    if (group.name === name) return group.id ?? "";
  throw new Error(`no permission group ${name}`);
};
const issue = async (name: string, group: string, fields: { expires_on?: string } = {}) =>
  rest.client.accounts.tokens.create({
    account_id,
    name,
    policies: [
      {
        effect: "allow",
        permission_groups: [{ id: await groupId(group) }],
        resources: { [`com.cloudflare.api.account.${account_id}`]: "*" },
      },
    ],
    ...fields,
  });
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
