/** `POST /api/v1/search`: cached answers first, hybrid retrieval otherwise. */
import { OpenAPIHono } from "@hono/zod-openapi";
import type { App } from "../context.ts";
import { allows } from "../ground/principal.ts";
import { Problem } from "../ground/problem.ts";
import { tenantTerm } from "../ground/tenant-term.ts";
import { retrieve, VectorSearchError } from "../rag/search/retrieve.ts";
import { searchAnswer, searchRequest } from "../schemas/search.ts";
import { declareRoute } from "../security/access.ts";
import { refuseInvalid } from "../security/validation.ts";
import { cacheKey } from "../store/answer-cache.ts";
import { cached } from "./cached.ts";
import { requestStores } from "./request-stores.ts";

export const search = new OpenAPIHono<App>({ defaultHook: refuseInvalid });

const route = declareRoute("read", {
  method: "post",
  path: "/api/v1/search",
  tags: ["Questions"],
  summary: "Search chunks",
  description: "Full text and vectors fused into one ranking, with the scores of each chunk.",
  request: { body: { required: true, content: { "application/json": { schema: searchRequest } } } },
  responses: {
    200: { description: "Ranked chunks", content: { "application/json": { schema: searchAnswer } } },
    503: { description: "Mode `vector` while vector search is down" },
  },
});

search.openapi(route, async (c) => {
  const request = c.req.valid("json");
  const { tenant } = c.get("principal");
  const stores = requestStores(c);
  const debug = c.req.query("debug") === "1" && allows(c.get("principal"), "debug");
  const key = await cacheKey(tenant, "search", [request, c.env.EMBEDDING_MODEL, c.env.RERANK_MODEL]);
  const answer = await cached(c, stores.db, key, { beyond_isolate: false, skip: debug }, async () => {
    try {
      const { hits, degraded, query_terms, vector_used, index } = await retrieve(stores, {
        query: request.query,
        tenant,
        tenant_term: tenantTerm(tenant),
        mode: request.mode,
        top_k: request.top_k,
        offset: request.offset,
        ...(request.filter === undefined ? {} : { filter: request.filter }),
        embedding_model: c.env.EMBEDDING_MODEL,
        rerank_model: c.env.RERANK_MODEL,
      });
      const results = hits.map(({ token_count, ...hit }) => ({ ...hit, tokens: token_count }));
      const body = { results, degraded, ...(debug ? { debug: { query_terms, vector_used } } : {}) };
      return { body: JSON.stringify(body), keep: degraded.length === 0, index, vector_used };
    } catch (error) {
      if (error instanceof VectorSearchError) {
        throw new Problem("vector-search-down", "Vector search is unavailable; mode `hybrid` or `text` still works.", {
          cause: error,
          retry_after_s: 15,
        });
      }
      throw error;
    }
  });
  c.header("content-type", "application/json; charset=utf-8");
  return c.body(answer) as never;
});
