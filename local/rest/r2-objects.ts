/** Objects of a bucket over the REST API, as wrangler's `r2 object` commands use it; the S3 API has everything else. */
import { type Context, Hono } from "hono";
import { R2_KEY_MAX_BYTES } from "../../infra/cloudflare-limits.ts";
import type { Engine } from "../engine.ts";
import { TEXT_HEADERS, textHeaders, withLength } from "../s3/gateway-bucket.ts";
import { guardedWrite } from "../s3/guarded-write.ts";
import { S3Error } from "../s3/s3-error.ts";
import { ApiError, ok } from "./envelope.ts";

/** Routes below `/accounts/:account_id`. A key may hold slashes, and comes percent-encoded. */
export function r2ObjectRoutes(engine: Engine): Hono {
  const bucketOf = async (c: Context) => {
    const name = c.req.param("name") ?? "";
    if (!engine.registry.get("r2", name)) throw new ApiError(404, 10006, "The specified bucket does not exist.");
    return engine.r2(name);
  };
  const keyOf = (c: Context): string => {
    const [, encoded = ""] = /\/r2\/buckets\/[^/]+\/objects\/(.+)$/.exec(new URL(c.req.url).pathname) ?? [];
    const key = decoded(encoded);
    if (key === null || Buffer.byteLength(key) > R2_KEY_MAX_BYTES)
      throw new ApiError(400, 10020, `A key is UTF-8, percent-encoded, of at most ${R2_KEY_MAX_BYTES} bytes`);
    return key;
  };
  const unlocked = <T>(c: Context, key: string, write: () => Promise<T>) =>
    guardedWrite({ engine }, c.req.param("name") ?? "", key, write).catch((error: unknown) => {
      throw error instanceof S3Error ? new ApiError(409, 10069, error.message) : error;
    });
  const missing = () => new ApiError(404, 10007, "The specified key does not exist.");
  return new Hono()
    .get("/r2/buckets/:name/objects/:key{.+}", async (c) => {
      const object = await (await bucketOf(c)).get(keyOf(c));
      if (object === null) throw missing();
      const headers = new Headers({ etag: object.httpEtag, "content-length": String(object.size) });
      for (const [name, value] of textHeaders(object.httpMetadata)) headers.set(name, value);
      return new Response(object.body as unknown as ReadableStream, { headers });
    })
    .put("/r2/buckets/:name/objects/:key{.+}", async (c) => {
      const bucket = await bucketOf(c);
      const key = keyOf(c);
      const httpMetadata = Object.fromEntries(
        Object.entries(TEXT_HEADERS).flatMap(([field, header]) => {
          const value = c.req.header(header);
          return value === undefined ? [] : [[field, value]];
        }),
      );
      const length = c.req.header("content-length");
      const { body } = c.req.raw;
      const content =
        body !== null && length !== undefined
          ? withLength(body as ReadableStream<Uint8Array>, Number(length))
          : await c.req.arrayBuffer();
      const object = await unlocked(c, key, () => bucket.put(key, content as ArrayBuffer, { httpMetadata }));
      return ok(c, { key, etag: object.etag, size: String(object.size), version: object.version });
    })
    .delete("/r2/buckets/:name/objects/:key{.+}", async (c) => {
      const key = keyOf(c);
      const bucket = await bucketOf(c);
      await unlocked(c, key, () => bucket.delete(key));
      return ok(c, { key });
    });
}

function decoded(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}
