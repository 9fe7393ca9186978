/**
 * R2's binding behind plain HTTP, inside workerd.
 *
 * Miniflare's Node proxies cost one blocking round trip for every property that is read (11 s for the objects of one
 * full list). Here one call carries everything, and bodies stream at the speed of R2. `gateway-bucket.ts` is the only
 * caller: `POST /<operation>?binding=<name>`, input as JSON in the body, or, where the body is an object's content,
 * as base64 in `x-r2-input`. A direct socket is open to every process on this machine: a gateway that has one must be
 * bound to a `GATEWAY_SECRET` that only the platform's own process knows.
 */
export default {
  async fetch(request, env) {
    if (env.GATEWAY_SECRET !== undefined && request.headers.get("x-gateway-secret") !== env.GATEWAY_SECRET)
      return Response.json({ error: "the R2 gateway is for the platform's own process" }, { status: 403 });
    const url = new URL(request.url);
    const operation = OPERATIONS[url.pathname.slice(1)];
    const bucket = env[url.searchParams.get("binding")];
    if (!operation || !bucket) return Response.json({ error: `no R2 gateway at ${url}` }, { status: 404 });
    try {
      const header = request.headers.get("x-r2-input");
      const input = header === null ? await request.json() : JSON.parse(fromBase64(header));
      return await operation(bucket, input, request);
    } catch (error) {
      return Response.json({ error: error instanceof Error ? error.message : String(error) }, { status: 500 });
    }
  },
};

const OPERATIONS = {
  head: async (bucket, { key }) => Response.json(describe(await bucket.head(key))),
  get: async (bucket, { key, options }) => {
    const object = await bucket.get(key, revive(options));
    if (!object?.body) return Response.json(describe(object));
    const description = new TextEncoder().encode(JSON.stringify(describe(object)));
    // The description goes in front of the content: as a header it could pass the 16 KiB that Node accepts.
    const { readable, writable } = new IdentityTransformStream();
    const writer = writable.getWriter();
    const sent = writer.write(description).then(() => {
      writer.releaseLock();
      return object.body.pipeTo(writable);
    });
    // The reader sees a broken stream; nobody else is there to be told.
    sent.catch(() => {});
    return new Response(readable, { headers: { "x-r2-description-bytes": String(description.byteLength) } });
  },
  put: async (bucket, { key, options }, request) =>
    Response.json(describe(await bucket.put(key, request.body ?? "", revive(options)))),
  delete: async (bucket, { keys }) => {
    await bucket.delete(keys);
    return Response.json(null);
  },
  list: async (bucket, { options }) => {
    const { objects, truncated, cursor, delimitedPrefixes } = await bucket.list(options);
    return Response.json({ objects: objects.map(describe), truncated, cursor, delimitedPrefixes });
  },
  createMultipartUpload: async (bucket, { key, options }) => {
    const { uploadId } = await bucket.createMultipartUpload(key, revive(options));
    return Response.json({ uploadId });
  },
  uploadPart: async (bucket, { key, uploadId, partNumber }, request) =>
    Response.json(await bucket.resumeMultipartUpload(key, uploadId).uploadPart(partNumber, request.body ?? "")),
  complete: async (bucket, { key, uploadId, parts }) =>
    Response.json(describe(await bucket.resumeMultipartUpload(key, uploadId).complete(parts))),
  abort: async (bucket, { key, uploadId }) => {
    await bucket.resumeMultipartUpload(key, uploadId).abort();
    return Response.json(null);
  },
};

function fromBase64(text) {
  return new TextDecoder().decode(Uint8Array.from(atob(text), (character) => character.charCodeAt(0)));
}

/** JSON has no dates and no Headers: `gateway-bucket.ts` marks both. */
function revive(value) {
  if (value === null || typeof value !== "object" || Array.isArray(value)) return value;
  if (Array.isArray(value.$headers)) return new Headers(value.$headers);
  if (typeof value.$date_ms === "number") return new Date(value.$date_ms);
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, revive(member)]));
}

function describe(object) {
  if (object === null) return null;
  const { key, version, size, etag, httpEtag, uploaded, httpMetadata, customMetadata, range, storageClass } = object;
  return {
    key,
    version,
    size,
    etag,
    httpEtag,
    uploaded_ms: uploaded.getTime(),
    checksums: object.checksums.toJSON(),
    httpMetadata: { ...httpMetadata, cacheExpiry: httpMetadata?.cacheExpiry?.getTime() },
    customMetadata,
    range,
    storageClass,
  };
}
