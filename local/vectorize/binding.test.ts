import { readFileSync } from "node:fs";
import { convertV4MiniflareOptions, Miniflare } from "miniflare";
import { afterAll, beforeAll, expect, test } from "vitest";
import { serveOnSocket } from "../socket-service.ts";
import { handleVectorizeBinding } from "./binding-service.ts";
import { VectorizeStore } from "./store.ts";

/** Calls one method of `env.VECTORIZE` as a Worker would, and answers its result or its error. */
const CALLER = `export default {
  async fetch(request, { VECTORIZE }) {
    const { method, args, float32 } = await request.json();
    if (float32) args[0] = new Float32Array(args[0]);
    try {
      return Response.json({ result: await VECTORIZE[method](...args) });
    } catch (error) {
      return Response.json({ message: error.message, is_error: error instanceof Error });
    }
  },
};`;
const esModule = (path: string, contents: string) => ({
  modules: [{ type: "ESModule" as const, path, contents }],
  compatibilityDate: "2026-11-01",
});

const store = new VectorizeStore(":memory:", { now: Date.now });
let binding: Awaited<ReturnType<typeof serveOnSocket>>;
let workerd: Miniflare;

beforeAll(async () => {
  store.createIndex({ name: "chunks", config: { dimensions: 3, metric: "cosine" } });
  store.createMetadataIndex("chunks", "author", "string");
  binding = await serveOnSocket((request) => handleVectorizeBinding(store, request));
  const source = readFileSync(new URL("binding-worker.js", import.meta.url), "utf8");
  workerd = new Miniflare(
    convertV4MiniflareOptions({
      cf: false,
      telemetry: { enabled: false },
      logRequests: false,
      workers: [
        {
          name: "caller",
          ...esModule("caller.js", CALLER),
          serviceBindings: {
            VECTORIZE: { name: "vectorize", entrypoint: "VectorizeBinding", props: { index_name: "chunks" } },
          },
        },
        {
          name: "vectorize",
          ...esModule("binding-worker.js", source),
          serviceBindings: { NODE: { external: { address: binding.address, http: {} } } },
        },
      ],
    }),
  );
  await workerd.ready;
});
afterAll(async () => {
  await workerd.dispose();
  await binding.close();
  store.close();
});

async function call(method: string, args: unknown[], float32 = false): Promise<unknown> {
  const response = await workerd.dispatchFetch("http://caller/", {
    method: "POST",
    body: JSON.stringify({ method, args, float32 }),
  });
  const answer = (await response.json()) as { result?: unknown; message?: string };
  if (answer.message !== undefined) throw new Error(answer.message);
  return answer.result;
}

test("a Worker uses the whole V2 interface through env, as on Cloudflare", async () => {
  const upserted = await call("upsert", [
    [
      { id: "1", values: [1, 0, 0], namespace: "t", metadata: { author: "å", tags: ["x"] } },
      { id: "2", values: [0, 1, 0], namespace: "t" },
    ],
  ]);
  expect(upserted).toEqual({ mutationId: expect.any(String) });
  await call("insert", [[{ id: "2", values: [1, 1, 1] }]]);
  await store.flush();

  expect(await call("describe", [])).toMatchObject({ vectorCount: 2, dimensions: 3 });
  const options = { topK: 2, namespace: "t", returnMetadata: true, filter: { author: "å" } };
  const expected = {
    count: 1,
    matches: [{ id: "1", score: 1, namespace: "t", metadata: { author: "å", tags: ["x"] } }],
  };
  expect(await call("query", [[1, 0, 0], options])).toEqual(expected);
  expect(await call("query", [[1, 0, 0], options], true)).toEqual(expected);
  expect(await call("queryById", ["2", { topK: 1, returnValues: true }])).toMatchObject({
    matches: [{ id: "2", values: [0, 1, 0] }],
  });
  expect(await call("getByIds", [["2"]])).toEqual([{ id: "2", namespace: "t", values: [0, 1, 0] }]);

  await call("deleteByIds", [["1"]]);
  await store.flush();
  expect(await call("describe", [])).toMatchObject({ vectorCount: 1 });
});

test("errors read as the official binding writes them", async () => {
  await expect(call("query", [[1]])).rejects.toThrow(
    "VECTOR_QUERY_ERROR (code = 40006): invalid query vector, expected 3 dimensions, and got 1 dimensions",
  );
  await expect(call("getByIds", [Array.from({ length: 21 }, (_, i) => String(i))])).rejects.toThrow(
    "VECTOR_GET_ERROR (code = 40007): too many ids in payload; max id count is 20, got 21",
  );
  await expect(call("query", [[1, 0, 0], { returnMetadata: "some" }])).rejects.toThrow("Invalid returnMetadata option");
});

test("a Worker writes at most 1000 vectors a call", async () => {
  const vectors = (count: number) => Array.from({ length: count }, (_, i) => ({ id: String(i), values: [1, 0, 0] }));
  await expect(call("upsert", [vectors(1001)])).rejects.toThrow(/^VECTOR_UPSERT_ERROR .*max count .* 1000, got 1001/);
  await expect(call("insert", [vectors(1000)])).resolves.toEqual({ mutationId: expect.any(String) });
});
