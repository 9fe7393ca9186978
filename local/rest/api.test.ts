import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { API_REQUESTS_PER_WINDOW, API_WINDOW_MS } from "../../infra/cloudflare-limits.ts";
import { type Envelope, type RestUnderTest, startRest } from "./rest-server.fixture.ts";

let rest: RestUnderTest;
const tokens = [
  { id: "1".repeat(32), value: "everything" },
  { id: "2".repeat(32), value: "reports", scopes: ["d1:read", "kv:edit"] },
];
beforeAll(async () => {
  rest = await startRest({ tokens, budget: true });
});
afterAll(() => rest.close());

const get = async (path: string, authorization?: string) => {
  const response = await fetch(`${rest.url}${path}`, {
    headers: authorization ? { Authorization: authorization } : {},
  });
  const body = (await response.json()) as Envelope;
  return { status: response.status, code: body.errors[0]?.code, body, headers: response.headers };
};

test.each([
  ["no header", undefined, 400, 9106],
  ["another scheme", "Basic abc", 400, 6003],
  ["an unknown token", "Bearer nobody", 401, 10000],
])("%s is refused", async (_name, header, status, code) => {
  expect(await get("/accounts", header)).toMatchObject({ status, code });
});

test("the token, its account and its membership can be read", async () => {
  expect(await rest.client.user.tokens.verify()).toMatchObject({ id: tokens[0]?.id, status: "active" });
  expect(await get("/user/tokens/verify", "Bearer nobody")).toMatchObject({ status: 401, code: 1000 });
  const accounts = [];
  for await (const account of rest.client.accounts.list()) accounts.push(account.id);
  expect(accounts).toEqual([rest.account_id]);
  expect((await rest.client.accounts.get({ account_id: rest.account_id })).id).toBe(rest.account_id);
  expect(await get(`/accounts/${"f".repeat(32)}/d1/database`, "Bearer everything")).toMatchObject({
    status: 403,
    code: 10000,
  });
});

test("Workers AI embeds by REST, with as many dimensions as the model has, and says which model it does not have", async () => {
  const embed = (model: string) =>
    rest.client.post(`/accounts/${rest.account_id}/ai/run/${model}`, { body: { text: ["a ship", "a pilot"] } });
  const shapes = ["@cf/baai/bge-base-en-v1.5", "@prism/lexical-384-v1"].map(async (model) => {
    const { result } = (await embed(model)) as { result: { shape: number[]; data: number[][] } };
    return [...result.shape, result.data[1]?.length];
  });
  expect(await Promise.all(shapes)).toEqual([
    [2, 768, 768],
    [2, 384, 384],
  ]);
  await expect(embed("@prism/another")).rejects.toMatchObject({ status: 400, errors: [{ code: 5007 }] });
  const path = `/accounts/${rest.account_id}/ai/run/@prism/lexical-384-v1`;
  expect((await get(path, "Bearer reports")).status).toBe(403);
});

test("scopes narrow a token to its products, and read to reading", async () => {
  const { account_id } = rest;
  const call = (method: string, path: string, body?: object) =>
    rest.call(method, path, body, { Authorization: "Bearer reports" }).then(({ status }) => status);
  expect(await call("GET", "/d1/database")).toBe(200);
  expect(await call("POST", "/d1/database", { name: "x" })).toBe(403);
  expect(await call("POST", "/storage/kv/namespaces", { title: "x" })).toBe(200);
  expect(await get(`/accounts/${account_id}/r2/buckets`, "Bearer reports")).toMatchObject({ status: 403, code: 10000 });
});

test("what the API does not have is 404 with code 7003", async () => {
  for (const path of ["/nothing", `/accounts/${rest.account_id}/stream`, "/zones/none/dns_records"])
    expect(await get(path, "Bearer everything")).toMatchObject({ status: 404, code: 7003 });
});

test("no body, however malformed, is ever a 500, and none of these changes the registry", async () => {
  const d1 = await rest.client.d1.database.create({ account_id: rest.account_id, name: "target" });
  const kv = await rest.client.kv.namespaces.create({ account_id: rest.account_id, title: "target" });
  await rest.client.r2.buckets.create({ account_id: rest.account_id, name: "target" });
  const paths = [
    ["POST", "/d1/database"],
    ["PUT", `/d1/database/${d1.uuid}`],
    ["POST", `/d1/database/${d1.uuid}/query`],
    ["POST", `/d1/database/${d1.uuid}/raw`],
    ["POST", `/d1/database/${d1.uuid}/export`],
    ["POST", `/d1/database/${d1.uuid}/import`],
    ["POST", "/storage/kv/namespaces"],
    ["PUT", `/storage/kv/namespaces/${kv.id}/bulk`],
    ["POST", `/storage/kv/namespaces/${kv.id}/bulk/get`],
    ["POST", "/r2/buckets"],
    ["PUT", "/r2/buckets/target/lock"],
    ["PUT", "/workers/scripts/target"],
    ["POST", "/workers/workers"],
  ] as const;
  const kinds = ["d1", "kv", "r2", "script", "version"] as const;
  const before = JSON.stringify(kinds.map((kind) => rest.engine.registry.list(kind)));
  const body = fc.oneof(
    fc.string(),
    fc.json(),
    fc
      .record({ name: fc.nat(), title: fc.nat(), sql: fc.anything(), action: fc.string(), rules: fc.string() })
      .map((value) => JSON.stringify(value) ?? ""),
  );
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...paths), body, async ([method, path], text) => {
      const { status, body } = await rest.call(method, path, text);
      expect(status).toBeLessThan(500);
      expect([body.success, body.errors.length]).toEqual(status < 400 ? [true, 0] : [false, 1]);
    }),
    { numRuns: 100 },
  );
  expect(JSON.stringify(kinds.map((kind) => rest.engine.registry.list(kind)))).toBe(before);
});

test("the 1201st request of five minutes is refused with Retry-After until five minutes have passed", async () => {
  rest.engine.clock_offset_ms += 2 * API_WINDOW_MS;
  const path = `/accounts/${rest.account_id}/r2/buckets`;
  const statuses = new Map<number, number>();
  for (let sent = 0; sent < API_REQUESTS_PER_WINDOW; sent += 100)
    for (const { status } of await Promise.all(Array.from({ length: 100 }, () => get(path, "Bearer everything"))))
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
  expect(statuses).toEqual(new Map([[200, API_REQUESTS_PER_WINDOW]]));
  const refused = await get(path, "Bearer everything");
  expect([refused.status, refused.code, Number(refused.headers.get("Retry-After"))]).toEqual([429, 971, 300]);
  expect((await get(`/accounts/${rest.account_id}/d1/database`, "Bearer reports")).status).toBe(200);
  rest.engine.clock_offset_ms += API_WINDOW_MS + 1000;
  expect((await get(path, "Bearer everything")).status).toBe(200);
});
