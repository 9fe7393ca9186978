/** Bulk reads, writes and deletes of KV. A bulk write checks every entry before it writes the first. */
import { type Context, Hono } from "hono";
import { z } from "zod";
import {
  KV_BULK_GET_KEYS_MAX,
  KV_BULK_WRITE_BYTES_MAX,
  KV_BULK_WRITE_KEYS_MAX,
} from "../../infra/cloudflare-limits.ts";
import type { Engine } from "../engine.ts";
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
      metadata: z.unknown().optional(),
    }),
  )
  .max(KV_BULK_WRITE_KEYS_MAX);
const deleteBody = z.array(z.string()).max(KV_BULK_WRITE_KEYS_MAX);
const getBody = z.object({
  keys: z.array(z.string()).min(1).max(KV_BULK_GET_KEYS_MAX),
  type: z.enum(["text", "json"]).default("text"),
  withMetadata: z.boolean().default(false),
});

export function kvBulkRoutes(engine: Engine, namespace: (id: string) => KvRecord): Hono {
  const remove = async (c: Context, id: string) => {
    const kv = await engine.kv(namespace(id).id);
    const keys = await jsonBody(c, deleteBody, KV_MALFORMED);
    return ok(c, counted(keys.length, await kv.remove(keys)));
  };
  return (
    new Hono()
      .put("/storage/kv/namespaces/:id/bulk", async (c) => {
        const kv = await engine.kv(namespace(c.req.param("id")).id);
        if (Number(c.req.header("Content-Length") ?? 0) > KV_BULK_WRITE_BYTES_MAX)
          throw new ApiError(413, KV_MALFORMED, `a bulk write may have ${KV_BULK_WRITE_BYTES_MAX} bytes`);
        const entries = (await jsonBody(c, writeBody, KV_MALFORMED)).map(
          ({ key, value: text, base64, metadata, ...expiry }) => {
            refuseKey(key);
            const value = Buffer.from(text, base64 ? "base64" : "utf8");
            refuseValue(value, metadata);
            return { key, value, metadata, ...expiryOptions(expiry, engine.now()) };
          },
        );
        return ok(c, counted(entries.length, await kv.write(entries)));
      })
      .post("/storage/kv/namespaces/:id/bulk/delete", (c) => remove(c, c.req.param("id")))
      // Cloudflare's older way to ask for the same, which wrangler takes.
      .delete("/storage/kv/namespaces/:id/bulk", (c) => remove(c, c.req.param("id")))
      .post("/storage/kv/namespaces/:id/bulk/get", async (c) => {
        const kv = await engine.kv(namespace(c.req.param("id")).id);
        const { keys, type, withMetadata } = await jsonBody(c, getBody, KV_MALFORMED);
        const entries = await kv.read(keys);
        const values: Record<string, unknown> = {};
        for (const [index, key] of keys.entries()) {
          const entry = entries[index];
          const text = entry ? Buffer.from(entry.value).toString("utf8") : null;
          const value = text !== null && type === "json" ? parsed(key, text) : text;
          values[key] = entry && withMetadata ? { value, metadata: entry.metadata } : value;
        }
        return ok(c, { values });
      })
  );
}

function parsed(key: string, value: string): unknown {
  try {
    return JSON.parse(value);
  } catch {
    throw new ApiError(400, KV_MALFORMED, `the value of "${key}" is not JSON: ask with type "text"`);
  }
}

/** KV's report of a bulk call: what failed is named, the rest is counted. */
function counted(total: number, unsuccessful_keys: string[]) {
  return { successful_key_count: total - unsuccessful_keys.length, unsuccessful_keys };
}
