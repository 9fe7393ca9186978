/**
 * Hybrid retrieval: full text from D1 and vectors from Vectorize, in parallel, fused into one ranking.
 *
 * Composed by the search and chat routes. Retries, circuit breakers and caching wrap the bindings elsewhere. A dead
 * vector leg degrades a hybrid search to full text and says so; a dead D1 is the caller's error, since D1 holds
 * the text.
 */
import { RESCORE_DEPTH, SEARCH_DEPTH_MAX } from "../limits.ts";
import { embed } from "./embed.ts";
import type { Filter } from "./filter.ts";
import { type Fused, fuse, type Scored } from "./fusion.ts";
import { type EmbeddingModel, embeddingModel } from "./models.ts";
import { queryTerms } from "./query.ts";
import { type ChunkRow, readChunks, searchText } from "./text-leg.ts";

export interface Stores {
  db: D1Database;
  vectorize: Pick<Vectorize, "query">;
  ai: Pick<Ai, "run">;
}

export interface RetrievalRequest {
  query: string;
  /** Vectorize namespace and owner of the documents; comes from the key, never from a request body. */
  tenant: string;
  /** The opaque token that marks the tenant's chunks in FTS5. */
  tenant_term: string;
  mode: "hybrid" | "text" | "vector";
  /** 1..50 */
  top_k: number;
  /** 0..50 */
  offset: number;
  filter?: Filter;
  embedding_model: string;
}

export interface Hit {
  chunk_id: number;
  /** The caller's own id of the document. */
  document_id: string;
  title: string;
  heading: string;
  text: string;
  ordinal: number;
  url: string | null;
  metadata: Record<string, unknown>;
  token_count: number;
  scores: { text?: number; vector?: number; fused: number; rerank?: number };
}

export interface RetrievalResult {
  hits: Hit[];
  /** Sentences for the user about what did not work; empty when all did. */
  degraded: string[];
  /** The words full text was asked for, as typed. */
  query_terms: string[];
  vector_used: boolean;
  timings_ms: { db: number; vector: number; ai: number };
}

/** The vector leg failed and the mode asked for nothing else. `cause` is the binding's error. */
export class VectorSearchError extends Error {
  override name = "VectorSearchError";
}

const DEGRADED_TO_TEXT = "Vector search is unavailable; results are from full text only";

/** See the head of this file. Throws D1's errors, and `VectorSearchError` in mode `vector`. */
export async function retrieve(stores: Stores, request: RetrievalRequest): Promise<RetrievalResult> {
  const timings_ms = { db: 0, vector: 0, ai: 0 };
  const measure = stopwatch(timings_ms);
  const model = embeddingModel(request.embedding_model);
  const page_end = Math.min(request.offset + request.top_k, SEARCH_DEPTH_MAX);
  const terms = queryTerms(request.query);
  const words = terms.map((term) => term.surface);
  const asksText = request.mode !== "vector";
  const asksVector = request.mode === "vector" || (request.mode === "hybrid" && model.vector_weight > 0);

  const [texts, vectors] = await Promise.all([
    asksText
      ? measure("db", () => searchText(stores.db, request, words, SEARCH_DEPTH_MAX, Math.max(RESCORE_DEPTH, page_end)))
      : [],
    asksVector
      ? searchVectors(stores, request, model, measure).catch(
          (error: unknown) => new VectorSearchError("vector search failed", { cause: error }),
        )
      : [],
  ]);
  if (vectors instanceof VectorSearchError && request.mode === "vector") throw vectors;

  const found = vectors instanceof VectorSearchError ? [] : vectors;
  const ranking = fuse(
    texts.map(({ chunk_id, score }) => ({ id: chunk_id, score })),
    found,
    found.length === 0 ? 0 : asksText ? model.vector_weight : 1,
  );
  const rows = new Map(texts.flatMap(({ row }) => (row === undefined ? [] : [[row.chunk_id, row] as const])));
  const missing = ranking.slice(0, page_end).filter(({ id }) => !rows.has(id));
  if (missing.length > 0) {
    const fetched = await measure("db", () =>
      readChunks(
        stores.db,
        request,
        missing.map(({ id }) => id),
      ),
    );
    for (const [id, row] of fetched) rows.set(id, row);
  }
  return {
    hits: ranking.slice(request.offset, page_end).flatMap((entry) => {
      const row = rows.get(entry.id);
      return row === undefined ? [] : [hit(row, entry)];
    }),
    degraded: vectors instanceof VectorSearchError ? [DEGRADED_TO_TEXT] : [],
    query_terms: words,
    vector_used: asksVector && !(vectors instanceof VectorSearchError),
    timings_ms,
  };
}

type Measure = <T>(leg: "db" | "vector" | "ai", work: () => Promise<T>) => Promise<T>;

/** Adds up how long each dependency was waited for. In workerd the clock moves only over I/O, which is what counts. */
function stopwatch(spent_ms: Record<"db" | "vector" | "ai", number>): Measure {
  return async (leg, work) => {
    const started_ms = performance.now();
    try {
      return await work();
    } finally {
      spent_ms[leg] += performance.now() - started_ms;
    }
  };
}

async function searchVectors(
  stores: Stores,
  request: RetrievalRequest,
  model: EmbeddingModel,
  measure: Measure,
): Promise<Scored[]> {
  const [vector] = await measure("ai", () => embed(stores.ai, model, [request.query], "query"));
  if (vector === undefined) return [];
  const { matches } = await measure("vector", () =>
    stores.vectorize.query(vector, {
      topK: SEARCH_DEPTH_MAX,
      namespace: request.tenant,
      returnValues: false,
      returnMetadata: "none",
      ...(request.filter === undefined ? {} : { filter: request.filter as VectorizeVectorMetadataFilter }),
    }),
  );
  return matches.map(({ id, score }) => ({ id: Number(id), score }));
}

function hit(row: ChunkRow, { text, vector, fused }: Fused): Hit {
  return {
    ...row,
    metadata: JSON.parse(row.metadata) as Record<string, unknown>,
    scores: { fused, ...(text === undefined ? {} : { text }), ...(vector === undefined ? {} : { vector }) },
  };
}
