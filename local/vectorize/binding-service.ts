/** Node's end of the Vectorize binding: see `binding-worker.js` for the other end and the frame between them. */
import { z } from "zod";
import { VECTORIZE_BATCH_WORKER_MAX } from "../../infra/cloudflare-limits.ts";
import { ApiError } from "../rest/envelope.ts";
import { badRequest } from "./errors.ts";
import { parsed, queryOptionsSchema } from "./query-options.ts";
import type { VectorizeStore } from "./store.ts";
import type { VectorInput } from "./types.ts";

const entrySchema = z.object({
  id: z.string(),
  namespace: z.string().nullish(),
  metadata: z.record(z.string(), z.unknown()).nullish(),
  dimensions: z.int(),
});
const index_name = z.string();
const ids = z.array(z.string());
const entries = z.array(entrySchema);
const options = queryOptionsSchema.optional();
const headerSchema = z.discriminatedUnion("method", [
  z.object({ method: z.literal("describe"), index_name }),
  z.object({ method: z.literal("query"), index_name, options }),
  z.object({ method: z.literal("queryById"), index_name, id: z.string(), options }),
  z.object({ method: z.literal("insert"), index_name, entries }),
  z.object({ method: z.literal("upsert"), index_name, entries }),
  z.object({ method: z.literal("getByIds"), index_name, ids }),
  z.object({ method: z.literal("deleteByIds"), index_name, ids }),
]);
type Header = z.infer<typeof headerSchema>;

/** Answers one call of the binding: JSON result, or `{code, error}` with the status of the REST API. */
export async function handleVectorizeBinding(store: VectorizeStore, request: Request): Promise<Response> {
  const body = await request.arrayBuffer();
  try {
    const header_bytes = new Uint32Array(body, 0, 1)[0] ?? 0;
    const header = JSON.parse(Buffer.from(body, 4, header_bytes).toString());
    const floats = new Float32Array(body, 4 + header_bytes);
    return Response.json(call(store, parsed(headerSchema, header), floats));
  } catch (error) {
    if (error instanceof ApiError)
      return Response.json({ code: error.code, error: error.message }, { status: error.status });
    return Response.json(
      { error: error instanceof Error ? (error.stack ?? error.message) : String(error) },
      { status: 500 },
    );
  }
}

function call(store: VectorizeStore, header: Header, floats: Float32Array): unknown {
  switch (header.method) {
    case "describe":
      return store.info(header.index_name);
    case "query":
      return store.query(header.index_name, floats, header.options);
    case "queryById":
      return store.queryById(header.index_name, header.id, header.options);
    case "insert":
      return store.insert(header.index_name, vectors(header.entries, floats));
    case "upsert":
      return store.upsert(header.index_name, vectors(header.entries, floats));
    case "getByIds":
      return store.getByIds(header.index_name, header.ids);
    case "deleteByIds":
      return store.deleteByIds(header.index_name, header.ids);
  }
}

function vectors(items: z.infer<typeof entries>, floats: Float32Array): VectorInput[] {
  if (items.length > VECTORIZE_BATCH_WORKER_MAX)
    throw badRequest(
      "too_many_vectors",
      `too many vectors in payload; max count from a Worker is ${VECTORIZE_BATCH_WORKER_MAX}, got ${items.length}`,
    );
  let at = 0;
  return items.map(({ dimensions, ...item }) => {
    const values = floats.subarray(at, at + dimensions);
    at += dimensions;
    return { ...item, values };
  });
}
