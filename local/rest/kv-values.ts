/** Single KV values and their metadata. */
import { type Context, Hono } from "hono";
import { z } from "zod";
import type { Engine } from "../engine.ts";
import type { KvRecord } from "../registry.ts";
import { ApiError, notFound, ok } from "./envelope.ts";
import { expiryOptions, KV_MALFORMED, refuseKey, refuseValue } from "./kv-entry.ts";
import { checked } from "./request-body.ts";

const seconds = z.coerce.number().int().positive().optional();
const expiryQuery = z.object({ expiration: seconds, expiration_ttl: seconds });

export function kvValueRoutes(engine: Engine, namespace: (id: string) => KvRecord): Hono {
  const entry = async (id: string, key: string) => {
    const [found] = await (await engine.kv(namespace(id).id)).read([key]);
    return found ?? notFound(10009, "get: 'key not found'");
  };
  return new Hono()
    .get("/storage/kv/namespaces/:id/values/:key", async (c) => {
      const { value } = await entry(c.req.param("id"), c.req.param("key"));
      return c.body(new Uint8Array(value), 200, { "Content-Type": "application/octet-stream" });
    })
    .put("/storage/kv/namespaces/:id/values/:key", async (c) => {
      const kv = await engine.kv(namespace(c.req.param("id")).id);
      const key = c.req.param("key");
      refuseKey(key);
      const expiry = expiryOptions(checked(c.req.query(), expiryQuery, KV_MALFORMED), engine.now());
      const { value, metadata } = await sentValue(c);
      refuseValue(value, metadata);
      const failed = await kv.write([{ key, value, metadata, ...expiry }]);
      if (failed.length > 0) throw new ApiError(500, 10000, `put of ${key} failed`);
      return ok(c, {});
    })
    .delete("/storage/kv/namespaces/:id/values/:key", async (c) => {
      const kv = await engine.kv(namespace(c.req.param("id")).id);
      await kv.remove([c.req.param("key")]);
      return ok(c, {});
    })
    .get("/storage/kv/namespaces/:id/metadata/:key", async (c) =>
      ok(c, (await entry(c.req.param("id"), c.req.param("key"))).metadata),
    );
}

/** The raw body, or the `value` and `metadata` parts of a form. */
async function sentValue(c: Context): Promise<{ value: Uint8Array; metadata: unknown }> {
  const type = c.req.header("Content-Type") ?? "";
  if (!type.startsWith("multipart/form-data"))
    return { value: new Uint8Array(await c.req.arrayBuffer()), metadata: undefined };
  const form = await c.req.formData().catch((error: Error) => {
    throw new ApiError(400, KV_MALFORMED, `The multipart body cannot be read: ${error.message}`);
  });
  const part = form.get("value");
  if (part === null) throw new ApiError(400, KV_MALFORMED, "The form lacks the part `value`");
  const value = typeof part === "string" ? new TextEncoder().encode(part) : new Uint8Array(await part.arrayBuffer());
  return { value, metadata: await metadataOf(form) };
}

/** The `metadata` part is JSON; the SDK sends an object as one part for each field, `metadata[field]`. */
async function metadataOf(form: FormData): Promise<unknown> {
  const part = form.get("metadata");
  if (part !== null) {
    const text = typeof part === "string" ? part : await part.text();
    try {
      return JSON.parse(text);
    } catch {
      throw new ApiError(400, KV_MALFORMED, "The part `metadata` is not JSON");
    }
  }
  const fields = [...form].flatMap(([name, value]) => {
    const field = /^metadata\[([^\]]+)\]$/.exec(name)?.[1];
    return field === undefined ? [] : [[field, value] as const];
  });
  return fields.length > 0 ? Object.fromEntries(fields) : undefined;
}
