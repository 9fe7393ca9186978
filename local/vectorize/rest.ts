/**
 * Vectorize's REST API v2 over a store, with paths from `/accounts/:account_id/vectorize/v2` on.
 *
 * Any account id and token are taken: the face that mounts this checks them.
 * https://developers.cloudflare.com/api/resources/vectorize/
 */
import { type Context, Hono } from "hono";
import { z } from "zod";
import { VECTORIZE_UPLOAD_BYTES_MAX } from "../../infra/cloudflare-limits.ts";
import { ApiError, envelopeErrors, ok } from "../rest/envelope.ts";
import { badRequest, CODES } from "./errors.ts";
import { parseVectorLines } from "./ndjson.ts";
import { parsed, queryOptionsSchema } from "./query-options.ts";
import type { VectorizeStore } from "./store.ts";
import { METADATA_TYPES, METRICS, type VectorInput } from "./types.ts";
import { unparsable } from "./vector-checks.ts";

/** Dimensions and metric that a preset stands for. https://developers.cloudflare.com/vectorize/reference/client-api/ */
const PRESETS = {
  "@cf/baai/bge-small-en-v1.5": { dimensions: 384, metric: "cosine" },
  "@cf/baai/bge-base-en-v1.5": { dimensions: 768, metric: "cosine" },
  "@cf/baai/bge-large-en-v1.5": { dimensions: 1024, metric: "cosine" },
  "openai/text-embedding-ada-002": { dimensions: 1536, metric: "cosine" },
  "cohere/embed-multilingual-v2.0": { dimensions: 768, metric: "dot-product" },
} as const;

const newIndexSchema = z.object({
  name: z.string(),
  description: z.string().optional(),
  config: z.union([
    z.object({ dimensions: z.number(), metric: z.enum(METRICS) }),
    z
      .object({ preset: z.enum(Object.keys(PRESETS) as (keyof typeof PRESETS)[]) })
      .transform(({ preset }) => PRESETS[preset]),
  ]),
});
const vectorSchema = z.object({ vector: z.array(z.number()) });
/** By a vector, or by the id of one that the index has. */
const querySchema = queryOptionsSchema.extend({ ...vectorSchema.partial().shape, vectorId: z.string().optional() });
const idsSchema = z.object({ ids: z.array(z.string()) });
const metadataIndexSchema = z.object({ propertyName: z.string().min(1), indexType: z.enum(METADATA_TYPES) });
const listSchema = z.object({ count: z.coerce.number().optional(), cursor: z.string().optional() });

const V2 = "/accounts/:account_id/vectorize/v2";
const INDEX = `${V2}/indexes/:index_name` as const;

/** The routes as an app of its own; errors leave it in Cloudflare's envelope. */
export function vectorizeRest(store: VectorizeStore): Hono {
  const app = new Hono();
  app.onError(envelopeErrors);

  app.get(`${V2}/indexes`, (c) => ok(c, store.listIndexes()));
  app.post(`${V2}/indexes`, async (c) =>
    ok(c, store.createIndex(parsed(newIndexSchema, await jsonBody(c))), { status: 201 }),
  );
  app.get(INDEX, (c) => ok(c, store.getIndex(c.req.param("index_name"))));
  app.delete(INDEX, (c) => {
    store.deleteIndex(c.req.param("index_name"));
    return ok(c, null);
  });
  app.get(`${INDEX}/info`, (c) => ok(c, store.info(c.req.param("index_name"))));
  app.get(`${INDEX}/list`, (c) => {
    const { count, cursor } = parsed(listSchema, c.req.query());
    return ok(c, store.listVectors(c.req.param("index_name"), count, cursor));
  });

  app.post(`${INDEX}/insert`, async (c) => ok(c, store.insert(c.req.param("index_name"), await uploaded(c))));
  app.post(`${INDEX}/upsert`, async (c) => ok(c, store.upsert(c.req.param("index_name"), await uploaded(c))));
  app.post(`${INDEX}/query`, async (c) => {
    const { vector, vectorId, ...options } = parsed(querySchema, await jsonBody(c));
    const name = c.req.param("index_name");
    if (vectorId !== undefined) return ok(c, store.queryById(name, vectorId, options));
    return ok(c, store.query(name, parsed(vectorSchema, { vector }).vector, options));
  });
  app.post(`${INDEX}/get_by_ids`, async (c) => {
    const { ids } = parsed(idsSchema, await jsonBody(c));
    return ok(c, store.getByIds(c.req.param("index_name"), ids));
  });
  app.post(`${INDEX}/delete_by_ids`, async (c) => {
    const { ids } = parsed(idsSchema, await jsonBody(c));
    return ok(c, store.deleteByIds(c.req.param("index_name"), ids));
  });

  app.post(`${INDEX}/metadata_index/create`, async (c) => {
    const { propertyName, indexType } = parsed(metadataIndexSchema, await jsonBody(c));
    return ok(c, store.createMetadataIndex(c.req.param("index_name"), propertyName, indexType));
  });
  app.post(`${INDEX}/metadata_index/delete`, async (c) => {
    const { propertyName } = parsed(metadataIndexSchema.pick({ propertyName: true }), await jsonBody(c));
    return ok(c, store.deleteMetadataIndex(c.req.param("index_name"), propertyName));
  });
  app.get(`${INDEX}/metadata_index/list`, (c) =>
    ok(c, { metadataIndexes: store.listMetadataIndexes(c.req.param("index_name")) }),
  );
  return app;
}

async function jsonBody(c: Context): Promise<unknown> {
  try {
    return await c.req.json();
  } catch (error) {
    throw badRequest("unparsable_body", `Failed to parse the request body as JSON: ${String(error)}`);
  }
}

/** NDJSON as the body itself, or as the file `vectors` of a form. */
async function uploaded(c: Context): Promise<VectorInput[]> {
  // The declared length first, so that what is too large is not read.
  checkUploadBytes(Number(c.req.header("content-length") ?? 0));
  const form = c.req.header("content-type")?.startsWith("multipart/form-data");
  const upload = form ? (await c.req.formData()).get("vectors") : await c.req.blob();
  if (upload === null) throw unparsable('the form has no file "vectors"');
  const blob = typeof upload === "string" ? new Blob([upload]) : upload;
  checkUploadBytes(blob.size);
  return parseVectorLines(await blob.text(), c.req.query("unparsable-behavior") === "discard" ? "discard" : "error");
}

function checkUploadBytes(bytes: number): void {
  if (bytes <= VECTORIZE_UPLOAD_BYTES_MAX) return;
  throw new ApiError(
    413,
    CODES.upload_size,
    `upload too large; max is ${VECTORIZE_UPLOAD_BYTES_MAX} bytes, got ${bytes} bytes`,
  );
}
