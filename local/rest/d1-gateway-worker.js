/**
 * The D1 bindings behind plain HTTP, inside workerd: `POST /<binding name, URI-encoded>` with `[{sql, params}, …]`
 * runs the list in one transaction. `d1-gateway.ts` is the only caller, and says why. The Worker has no public route.
 */
export default {
  async fetch(request, env) {
    const binding = decodeURIComponent(new URL(request.url).pathname.slice(1));
    try {
      return Response.json(await env[binding].query({ queries: await request.json() }));
    } catch (error) {
      return Response.json({ error: error.message });
    }
  },
};
