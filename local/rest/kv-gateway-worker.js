/**
 * The KV bindings behind plain HTTP, inside workerd: one call reads, writes or removes many keys. `POST /<binding
 * name, URI-encoded>`; values travel as base64. `kv-gateway.ts` is the only caller. `d1-gateway-worker.js` says what
 * the `GATEWAY_SECRET` is for.
 */
const OPERATIONS = {
  list: (kv, { options }) => kv.list(options),
  read: (kv, { keys }) =>
    Promise.all(
      keys.map(async (key) => {
        const { value, metadata } = await kv.getWithMetadata(key, "arrayBuffer");
        return value === null ? null : { value: new Uint8Array(value).toBase64(), metadata };
      }),
    ),
  write: (kv, { entries }) =>
    failures(
      entries,
      ({ key }) => key,
      ({ key, value, options }) => kv.put(key, Uint8Array.fromBase64(value), options),
    ),
  remove: (kv, { keys }) =>
    failures(
      keys,
      (key) => key,
      (key) => kv.delete(key),
    ),
};

/** The keys whose work failed. */
async function failures(items, keyOf, work) {
  const settled = await Promise.allSettled(items.map(work));
  return items.filter((_, index) => settled[index].status === "rejected").map(keyOf);
}

export default {
  async fetch(request, env) {
    if (env.GATEWAY_SECRET !== undefined && request.headers.get("x-gateway-secret") !== env.GATEWAY_SECRET)
      return new Response("the KV gateway is for the platform's own process", { status: 403 });
    const kv = env[decodeURIComponent(new URL(request.url).pathname.slice(1))];
    const { operation, ...input } = await request.json();
    return Response.json(await OPERATIONS[operation](kv, input));
  },
};
