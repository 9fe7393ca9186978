import { afterAll, beforeAll, expect, test } from "vitest";
import { type RestUnderTest, startRest } from "./rest-server.fixture.ts";

let rest: RestUnderTest;
let id: string;
let at: { account_id: string };
beforeAll(async () => {
  rest = await startRest();
  at = { account_id: rest.account_id };
  id = (await rest.client.kv.namespaces.create({ ...at, title: "cache" })).id;
});
afterAll(() => rest.close());

const base = () => `/storage/kv/namespaces/${id}`;
const text = async (key: string) =>
  (await rest.client.kv.namespaces.values.get(key, { ...at, namespace_id: id })).text();
const put = (
  key: string,
  value: string,
  more: { expiration_ttl?: number; expiration?: number; metadata?: unknown } = {},
) => rest.client.kv.namespaces.values.update(key, { ...at, namespace_id: id, value, ...more });

test("a namespace is listed, renamed, and its title cannot be taken twice", async () => {
  const { namespaces } = rest.client.kv;
  const other = await namespaces.create({ ...at, title: "config" });
  await expect(namespaces.create({ ...at, title: "config" })).rejects.toMatchObject({
    status: 400,
    errors: [{ code: 10014 }],
  });
  await namespaces.update(other.id, { ...at, title: "settings" });
  const titles = [];
  for await (const one of namespaces.list({ ...at, per_page: 1 })) titles.push(one.title);
  expect(titles).toEqual(["cache", "settings"]);
  await namespaces.delete(other.id, at);
  await expect(namespaces.get(other.id, at)).rejects.toMatchObject({ status: 404, errors: [{ code: 10013 }] });
});

test("a value and its metadata come back; a key that is not there is 404 with code 10009", async () => {
  await put("a/b c?ü", "text ☃", { metadata: { kind: "note" } });
  expect(await text("a/b c?ü")).toBe("text ☃");
  expect(await rest.client.kv.namespaces.metadata.get("a/b c?ü", { ...at, namespace_id: id })).toEqual({
    kind: "note",
  });
  await rest.client.kv.namespaces.values.delete("a/b c?ü", { ...at, namespace_id: id });
  await expect(text("a/b c?ü")).rejects.toMatchObject({ status: 404 });
});

test("a raw body is stored byte by byte", async () => {
  const bytes = new Uint8Array([0, 255, 128, 10]);
  const headers = { Authorization: "Bearer test-token", "Content-Type": "application/octet-stream" };
  await fetch(`${rest.url}/accounts/${rest.account_id}${base()}/values/raw`, { method: "PUT", headers, body: bytes });
  const read = await rest.client.kv.namespaces.values.get("raw", { ...at, namespace_id: id });
  expect(new Uint8Array(await read.arrayBuffer())).toEqual(bytes);
});

test("keys are listed by prefix, page by page, with expiration and metadata", async () => {
  const body = Array.from({ length: 25 }, (_, n) => ({
    key: `list:${String(n).padStart(2, "0")}`,
    value: "x",
    metadata: { n },
    expiration_ttl: 3600,
  }));
  expect(await rest.client.kv.namespaces.bulkUpdate(id, { ...at, body })).toEqual({
    successful_key_count: 25,
    unsuccessful_keys: [],
  });
  const keys = [];
  for await (const key of rest.client.kv.namespaces.keys.list(id, { ...at, prefix: "list:", limit: 10 }))
    keys.push(key);
  expect(keys.map(({ name }) => name)).toEqual(body.map(({ key }) => key));
  expect(keys[3]).toMatchObject({ metadata: { n: 3 }, expiration: expect.any(Number) });
});

test.each([9, 1001])("a key list page of %i is refused: 10 to 1000", async (limit) => {
  expect((await rest.call("GET", `${base()}/keys?limit=${limit}`)).status).toBe(400);
});

test("bulk put decodes base64, bulk get reads text, bulk delete removes", async () => {
  const { namespaces } = rest.client.kv;
  await namespaces.bulkUpdate(id, {
    ...at,
    body: [
      { key: "b64", value: "aGVsbG8=", base64: true, metadata: { m: 1 } },
      { key: "json", value: '{"a":1}' },
    ],
  });
  expect(await namespaces.bulkGet(id, { ...at, keys: ["b64", "json", "none"] })).toEqual({
    values: { b64: "hello", json: '{"a":1}', none: null },
  });
  expect(await namespaces.bulkGet(id, { ...at, keys: ["json"], type: "json" })).toEqual({ values: { json: { a: 1 } } });
  expect(await namespaces.bulkGet(id, { ...at, keys: ["b64"], withMetadata: true })).toEqual({
    values: { b64: { value: "hello", metadata: { m: 1 } } },
  });
  expect(await namespaces.bulkDelete(id, { ...at, body: ["b64", "json"] })).toMatchObject({ successful_key_count: 2 });
  await expect(text("b64")).rejects.toMatchObject({ status: 404 });
});

test("bulk get takes at most 100 keys, bulk writes at most 10 000", async () => {
  const keys = (count: number) => Array.from({ length: count }, (_, n) => `k${n}`);
  expect((await rest.call("POST", `${base()}/bulk/get`, { keys: keys(101) })).status).toBe(400);
  expect((await rest.call("POST", `${base()}/bulk/delete`, keys(10_001))).status).toBe(400);
  expect(
    (
      await rest.call(
        "PUT",
        `${base()}/bulk`,
        keys(10_001).map((key) => ({ key, value: "" })),
      )
    ).status,
  ).toBe(400);
});

test("a bulk put with one bad entry writes none", async () => {
  const { status } = await rest.call("PUT", `${base()}/bulk`, [
    { key: "good", value: "x" },
    { key: "x".repeat(513), value: "x" },
  ]);
  expect(status).toBe(414);
  await expect(text("good")).rejects.toMatchObject({ status: 404 });
});

test("a key has at most 512 bytes", async () => {
  await put("é".repeat(256), "x");
  await expect(put(`${"é".repeat(256)}a`, "x")).rejects.toThrow(/key is too long: 513 bytes/);
});

test("metadata has at most 1024 bytes as JSON", async () => {
  await expect(put("m", "x", { metadata: { a: "x".repeat(1020) } })).rejects.toThrow(/metadata is too large/);
});

test("a value has at most 25 MiB", async () => {
  await expect(put("big", "x".repeat(25 * 1024 * 1024 + 1))).rejects.toMatchObject({ status: 413 });
});

test("an entry lives at least 60 seconds", async () => {
  await expect(put("t", "x", { expiration_ttl: 59 })).rejects.toThrow(/at least 60/);
  await expect(put("t", "x", { expiration: Math.floor(Date.now() / 1000) + 30 })).rejects.toThrow(/at least 60/);
  await put("t", "x", { expiration_ttl: 60 });
});
