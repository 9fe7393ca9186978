import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { getRequestListener } from "@hono/node-server";
import Cloudflare, { BadRequestError } from "cloudflare";
import { Hono } from "hono";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { vectorizeRest } from "./rest.ts";
import { VectorizeStore } from "./store.ts";

const account_id = "0123456789abcdef0123456789abcdef";
const store = new VectorizeStore(":memory:", { now: Date.now });
const server = createServer(getRequestListener(new Hono().route("/client/v4", vectorizeRest(store)).fetch));
let client: Cloudflare;
let base: string;

beforeAll(async () => {
  await once(server.listen(0, "127.0.0.1"), "listening");
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}/client/v4`;
  client = new Cloudflare({ apiToken: "token", baseURL: base, maxRetries: 0 });
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
  store.close();
});

let name: string;
let serial = 0;
beforeEach(async () => {
  name = `index-${serial++}`;
  await client.vectorize.indexes.create({ account_id, name, config: { dimensions: 2, metric: "cosine" } });
});

const post = (path: string, init: RequestInit) =>
  fetch(`${base}/accounts/${account_id}/vectorize/v2/indexes/${name}/${path}`, { method: "POST", ...init });
const ndjson = (...vectors: object[]) => vectors.map((vector) => JSON.stringify(vector)).join("\n");
const file = (text: string) => new File([text], "vectors.ndjson");

test("the unmodified SDK creates, fills, asks, lists and deletes an index", async () => {
  const { indexes } = client.vectorize;
  await indexes.metadataIndex.create(name, { account_id, propertyName: "author", indexType: "string" });
  const upserted = await indexes.upsert(name, {
    account_id,
    body: file(
      ndjson({ id: "1", values: [1, 0], namespace: "t", metadata: { author: "a" } }, { id: "2", values: [0, 1] }),
    ),
  });
  const inserted = await indexes.insert(name, { account_id, body: file(ndjson({ id: "1", values: [0, 1] })) });
  expect(upserted?.mutationId).not.toBe(inserted?.mutationId);
  await store.flush();

  expect(await indexes.info(name, { account_id })).toMatchObject({
    dimensions: 2,
    vectorCount: 2,
    processedUpToMutation: inserted?.mutationId,
  });
  expect(
    await indexes.query(name, { account_id, vector: [1, 0], filter: { author: "a" }, returnMetadata: "all", topK: 3 }),
  ).toEqual({ count: 1, matches: [{ id: "1", score: 1, namespace: "t", metadata: { author: "a" } }] });
  expect(await indexes.getByIDs(name, { account_id, ids: ["1"] })).toMatchObject([{ id: "1", values: [1, 0] }]);
  const alike = await post("query", { body: JSON.stringify({ vectorId: "1", topK: 1 }) });
  expect(await alike.json()).toMatchObject({ result: { matches: [{ id: "1" }] } });
  expect((await post("query", { body: JSON.stringify({ vectorId: "none" }) })).status).toBe(400);
  expect(await indexes.listVectors(name, { account_id, count: 1 })).toMatchObject({
    count: 1,
    isTruncated: true,
    totalCount: 2,
    vectors: [{ id: "1" }],
  });
  expect(await indexes.metadataIndex.list(name, { account_id })).toEqual({
    metadataIndexes: [{ propertyName: "author", indexType: "string" }],
  });

  await indexes.deleteByIDs(name, { account_id, ids: ["1"] });
  await indexes.metadataIndex.delete(name, { account_id, propertyName: "author" });
  await store.flush();
  expect(await indexes.info(name, { account_id })).toMatchObject({ vectorCount: 1 });

  const names = [];
  for await (const index of indexes.list({ account_id })) names.push(index.name);
  expect(names).toContain(name);
  expect(await indexes.get(name, { account_id })).toMatchObject({ name, config: { dimensions: 2, metric: "cosine" } });
  await indexes.delete(name, { account_id });
  await expect(indexes.get(name, { account_id })).rejects.toMatchObject({ status: 410, errors: [{ code: 3005 }] });
});

test("a preset stands for dimensions and metric", async () => {
  const created = await client.vectorize.indexes.create({
    account_id,
    name: "preset",
    config: { preset: "@cf/baai/bge-small-en-v1.5" },
  });
  expect(created?.config).toEqual({ dimensions: 384, metric: "cosine" });
});

test("errors come in Cloudflare's envelope with its codes", async () => {
  const duplicate = client.vectorize.indexes.create({ account_id, name, config: { dimensions: 2, metric: "cosine" } });
  await expect(duplicate).rejects.toThrow(BadRequestError);
  const response = await post("query", { body: JSON.stringify({ vector: [1], topK: 5 }) });
  expect(response.status).toBe(400);
  expect(await response.json()).toEqual({
    success: false,
    errors: [{ code: 40006, message: "invalid query vector, expected 2 dimensions, and got 1 dimensions" }],
    messages: [],
    result: null,
  });
});

test("a boolean returnMetadata is refused, as v2 takes none, indexed or all", async () => {
  const response = await post("query", { body: JSON.stringify({ vector: [1, 0], returnMetadata: true }) });
  expect(await response.json()).toMatchObject({ errors: [{ code: 40026, message: /returnMetadata/ }] });
});

test("vectors may be uploaded as the file of a form", async () => {
  const body = new FormData();
  body.set("vectors", file(ndjson({ id: "1", values: [1, 0] })));
  expect((await post("upsert", { body })).status).toBe(200);
  expect((await post("upsert", { body: new FormData() })).status).toBe(400);
});

test("a broken line refuses the upload, or is skipped on request", async () => {
  const body = `${ndjson({ id: "1", values: [1, 0] })}\n{"id": "2", "val\n`;
  const headers = { "content-type": "application/x-ndjson" };
  expect(await (await post("upsert", { body, headers })).json()).toMatchObject({
    errors: [{ code: 40023, message: /line 2/ }],
  });
  expect((await post("upsert?unparsable-behavior=discard", { body, headers })).status).toBe(200);
  await store.flush();
  expect(store.info(name).vectorCount).toBe(1);
});

test("an upload holds at most 5000 vectors", async () => {
  const lines = (count: number) => ndjson(...Array.from({ length: count }, (_, i) => ({ id: `${i}`, values: [1, 0] })));
  expect((await post("upsert", { body: lines(5001) })).status).toBe(400);
  expect((await post("upsert", { body: lines(5000) })).status).toBe(200);
});

test("an upload has at most 100 MB", async () => {
  const path = `/accounts/${account_id}/vectorize/v2/indexes/${name}/upsert`;
  const headers = { "content-length": String(100 * 1024 * 1024 + 1) };
  const response = await vectorizeRest(store).request(path, { method: "POST", headers, body: "{}" });
  expect(response.status).toBe(413);
});
