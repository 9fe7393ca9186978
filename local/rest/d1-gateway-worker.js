/**
 * The D1 bindings behind plain HTTP, inside workerd: `POST /<binding name, URI-encoded>` with `[{sql, params}, …]`
 * runs the list in one transaction. `d1-gateway.ts` is the only caller, and says why. A direct socket is open to every process
 * on this machine: with one, it is bound to a `GATEWAY_SECRET` that only the platform's own process knows.
 */
export default {
  async fetch(request, env) {
    if (env.GATEWAY_SECRET !== undefined && request.headers.get("x-gateway-secret") !== env.GATEWAY_SECRET)
      return Response.json({ error: "the D1 gateway is for the platform's own process" }, { status: 403 });
    const binding = decodeURIComponent(new URL(request.url).pathname.slice(1));
    try {
      return Response.json(await env[binding].query({ queries: await request.json() }));
    } catch (error) {
      return Response.json({ error: error.message });
    }
  },
};
