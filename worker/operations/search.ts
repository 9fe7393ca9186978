/** Search: a kept answer first, hybrid retrieval otherwise. */
import type { z } from "zod";
import { Json } from "../ground/json.ts";
import { Problem } from "../ground/problem.ts";
import { retrieve, VectorSearchError } from "../rag/search/retrieve.ts";
import type { SearchAnswer, searchRequest } from "../schemas/search.ts";
import { cacheKey } from "../store/answer-cache.ts";
import type { Work } from "../work.ts";
import { keepAnswer, recallAnswer } from "./kept-answers.ts";
import { retrievalRequest } from "./retrieval-request.ts";

interface SearchInput {
  request: z.infer<typeof searchRequest>;
  /** Make a fresh answer and say how it came about. */
  debug: boolean;
}

/** Ranked chunks. Throws D1's errors, and a `vector-search-down` problem in mode `vector`. */
export async function search(work: Work, { request, debug }: SearchInput): Promise<Json<SearchAnswer>> {
  const { EMBEDDING_MODEL, RERANK_MODEL } = work.env;
  const key = await cacheKey(work.caller.tenant, "search", [request, EMBEDDING_MODEL, RERANK_MODEL]);
  const keeping = { key, beyond_isolate: false, skip: debug };
  const kept = await recallAnswer<SearchAnswer>(work, keeping);
  if (kept) return kept;

  const retrieved = await retrieve(work.awaitedStores, retrievalRequest(work, request)).catch(refuseVectorSearch);
  const { hits, degraded, query_terms, vector_used, index } = retrieved;
  const results = hits.map(({ token_count, format: _, ...hit }) => ({ ...hit, tokens: token_count }));
  const answer = Json.of({ results, degraded, ...(debug ? { debug: { query_terms, vector_used } } : {}) });
  keepAnswer(work, keeping, { answer, degraded, index, vector_used });
  return answer;
}

function refuseVectorSearch(cause: unknown): never {
  if (!(cause instanceof VectorSearchError)) throw cause;
  const detail = "Vector search is unavailable; mode `hybrid` or `text` still works.";
  throw new Problem("vector-search-down", detail, { retry_after_s: 15, cause });
}
