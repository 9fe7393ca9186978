/** Bulk reads, writes and deletes of KV. A bulk write checks every entry before it writes the first. */
import { Hono } from "hono";
import { z } from "zod";
import type { Engine } from "../engine.ts";
import { KV_BULK_GET_KEYS_MAX, KV_BULK_WRITE_BYTES_MAX, KV_BULK_WRITE_KEYS_MAX } from "../limits.ts";
import type { KvRecord } from "../registry.ts";
import { ApiError, ok } from "./envelope.ts";
import { expiryOptions, KV_MALFORMED, refuseKey, refuseValue } from "./kv-entry.ts";
import { jsonBody } from "./request-body.ts";

const writeBody = z
  .array(
    z.object({
      key: z.string(),
      value: z.string(),
      base64: z.boolean().optional(),
      expiration: z.number().int().optional(),
      expiration_ttl: z.number().int().optional(),
      metadata: z.unknown(),
    }),
  )
  .max(KV_BULK_WRITE_KEYS_MAX);
const deleteBody = z.array(z.string()).max(KV_BULK_WRITE_KEYS_MAX);
const getBody = z.object({
  keys: z.array(z.string()).min(1).max(KV_BULK_GET_KEYS_MAX),
  type: z.enum(["text", "json"]).default("text"),
  withMetadata: z.boolean().default(false),
});

/** Writes in flight at once towards workerd. */
const PARALLEL = 16;

export function kvBulkRoutes(engine: Engine, namespace: (id: string) => KvRecord): Hono {
  return new Hono()
    .put("/storage/kv/namespaces/:id/bulk", async (c) => {
      const kv = await engine.kv(namespace(c.req.param("id")).id);
      if (Number(c.req.header("Content-Length") ?? 0) > KV_BULK_WRITE_BYTES_MAX)
        throw new ApiError(413, KV_MALFORMED, `a bulk write may have ${KV_BULK_WRITE_BYTES_MAX} bytes`);
      const entries = (await jsonBody(c, writeBody, KV_MALFORMED)).map(
        ({ key, value, base64, metadata, ...expiry }) => {
          refuseKey(key);
          const bytes = new Uint8Array(Buffer.from(value, base64 ? "base64" : "utf8"));
          refuseValue(bytes, metadata);
          return {
            key,
            bytes,
            options: { ...expiryOptions(expiry, engine.now()), ...(metadata === undefined ? {} : { metadata }) },
          };
        },
      );
      return ok(
        c,
        await eachKey(
          entries,
          ({ key }) => key,
          ({ key, bytes, options }) => kv.put(key, bytes.buffer, options),
        ),
      );
    })
    .post("/storage/kv/namespaces/:id/bulk/delete", async (c) => {
      const kv = await engine.kv(namespace(c.req.param("id")).id);
      const keys = await jsonBody(c, deleteBody, KV_MALFORMED);
      return ok(
        c,
        await eachKey(
          keys,
          (key) => key,
          (key) => kv.delete(key),
        ),
      );
    })
    .post("/storage/kv/namespaces/:id/bulk/get", async (c) => {
      const kv = await engine.kv(namespace(c.req.param("id")).id);
      const { keys, type, withMetadata } = await jsonBody(c, getBody, KV_MALFORMED);
      const values: Record<string, unknown> = {};
      for (const key of keys) {
        const { value, metadata } = await kv.getWithMetadata(key, "text");
        const shown = value === null ? null : type === "json" ? parsed(key, value) : value;
        values[key] = !withMetadata || value === null ? shown : { value: shown, metadata };
      }
      return ok(c, { values });
    });
}

function parsed(key: string, value: string): unknown {
  try {
    return JSON.parse(value);
  } catch {
    throw new ApiError(400, KV_MALFORMED, `the value of "${key}" is not JSON: ask with type "text"`);
  }
}

/** Runs `work` for every item, a few at a time, and reports as KV does: what failed is named, the rest is counted. */
async function eachKey<T>(
  items: readonly T[],
  keyOf: (item: T) => string,
  work: (item: T) => Promise<unknown>,
): Promise<{ successful_key_count: number; unsuccessful_keys: string[] }> {
  const unsuccessful_keys: string[] = [];
  const queue = items.values();
  const worker = async () => {
    for (const item of queue) await work(item).catch(() => unsuccessful_keys.push(keyOf(item)));
  };
  await Promise.all(Array.from({ length: PARALLEL }, worker));
  return { successful_key_count: items.length - unsuccessful_keys.length, unsuccessful_keys };
}
