/**
 * Hybrid retrieval: full text from D1 and vectors from Vectorize, in parallel, fused into one ranking.
 *
 * Composed by the search and chat routes. Retries, circuit breakers and caching wrap the bindings elsewhere. A dead
 * vector leg degrades a hybrid search to full text and says so; a dead D1 is the caller's error, since D1 holds
 * the text.
 */
import { RERANK_DEPTH, RESCORE_DEPTH, SEARCH_DEPTH_MAX, SPARSE_POOL } from "../../limits.ts";
import { type IndexState, indexState } from "../../store/index-state.ts";
import { embed } from "../../vectors/embed.ts";
import type { EmbeddingModel } from "../../vectors/models.ts";
import { askedNames, type Names } from "../text/identifiers.ts";
import { type QueryTerm, queryTerms } from "../text/query.ts";
import { stems, termSet } from "../text/terms.ts";
import { readCandidates } from "./candidates.ts";
import { changeLogShare } from "./change-log.ts";
import type { Filter } from "./filter.ts";
import { fuse, type Scored } from "./fusion.ts";
import { rerankScores } from "./rerank.ts";
import { rescore } from "./rescore.ts";
import { countOtherWords, otherWords } from "./said-otherwise.ts";
import { spreadDocuments } from "./spread.ts";
import { scoreWithinTenant } from "./tenant-score.ts";
import { type ChunkRow, NO_STATISTICS, readChunks, searchText, type TextAnswer } from "./text-leg.ts";
import { writtenNames } from "./written-names.ts";

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
  embedding_model: EmbeddingModel;
  /** How many chunks full text may rank by all words of the query; frequent ones lose their say beyond. */
  ranked_max: number;
  /** Absent or empty: no reranking. */
  rerank_model?: string;
}

export interface Hit extends Omit<ChunkRow, "metadata" | "document_tokens"> {
  metadata: Record<string, unknown>;
  scores: { text?: number; vector?: number; fused: number; rerank?: number };
}

interface RetrievalResult {
  hits: Hit[];
  /** Sentences for the user about what did not work; empty when all did. */
  degraded: string[];
  /** The words full text was asked for, as typed. */
  query_terms: string[];
  vector_used: boolean;
  /** Of the data that the text leg saw, or older than what the vector leg saw. */
  index: IndexState;
}

/** The vector leg failed and the mode asked for nothing else. `cause` is the binding's error. */
export class VectorSearchError extends Error {
  override name = "VectorSearchError";
}

const NOT_RERANKED = "Reranking is unavailable; results are in retrieval order";
const DEGRADED_TO_TEXT = "Vector search is unavailable; results are from full text only";

/** See the head of this file. Throws D1's errors, and `VectorSearchError` in mode `vector`. */
export async function retrieve(stores: Stores, request: RetrievalRequest): Promise<RetrievalResult> {
  const { embedding_model: model } = request;
  const page_end = Math.min(request.offset + request.top_k, SEARCH_DEPTH_MAX);
  const terms = queryTerms(request.query);
  const names = askedNames(request.query);
  const words = terms.flatMap(({ surface, compound }) => (compound ? [] : [surface]));
  const asksText = request.mode !== "vector";
  const asksVector = request.mode === "vector" || (request.mode === "hybrid" && model.vector_weight > 0);
  const degraded: string[] = [];

  // One of two depths, since what is read together is ordered together: pages must show parts of one ranking.
  const written = writtenNames(request.query);
  const pool = written.length === 0 ? RESCORE_DEPTH : SPARSE_POOL;
  const depth = asksVector || page_end > RESCORE_DEPTH ? SEARCH_DEPTH_MAX : pool;
  // The state must not be newer than the vectors: without the text leg it is read first.
  const indexOnly = asksText
    ? null
    : { index: await indexState(stores.db, request.tenant), candidates: [], complete: true, statistics: NO_STATISTICS };
  const [texts, vectors] = await Promise.all([
    indexOnly ?? searchText(stores.db, request, terms, names, { limit: depth, ranked_max: request.ranked_max }),
    asksVector
      ? searchVectors(stores, request, model).catch((cause: unknown) => {
          if (request.mode === "vector") throw new VectorSearchError("vector search failed", { cause });
          degraded.push(DEGRADED_TO_TEXT);
          return null;
        })
      : null,
  ]);
  const vectorWeight = vectors === null ? 0 : asksText ? model.vector_weight : 1;
  const textRanking = rankText(request.query, terms, { names, written }, texts, vectors !== null);
  let ranking = fuse(textRanking.ranked, vectors ?? [], vectorWeight, SEARCH_DEPTH_MAX);

  const rows = new Map(texts.candidates.map((row) => [row.chunk_id, row]));
  const reranks = request.rerank_model !== undefined && request.rerank_model !== "";
  const shown = ranking.slice(0, reranks ? Math.max(page_end, RERANK_DEPTH) : page_end);
  const missing = shown.flatMap(({ id }) => (rows.has(id) ? [] : [id]));
  if (missing.length > 0) {
    for (const [id, row] of await readChunks(stores.db, request, missing)) rows.set(id, row);
  }

  let rerankScore = new Map<number, number>();
  if (reranks) {
    const head = shown.slice(0, RERANK_DEPTH).flatMap(({ id }) => rows.get(id) ?? []);
    try {
      rerankScore = await rerankScores(stores.ai, request.rerank_model ?? "", request.query, head);
      // Stable: what was not reranked keeps its order behind what was.
      const place = ({ id }: { id: number }): number => rerankScore.get(id) ?? Number.NEGATIVE_INFINITY;
      ranking = ranking.toSorted((a, b) => (place(a) === place(b) ? 0 : place(b) - place(a)));
    } catch {
      degraded.push(NOT_RERANKED);
    }
  }

  const vectorScore = new Map((vectors ?? []).map(({ id, score }) => [id, score]));
  return {
    hits: ranking.slice(request.offset, page_end).flatMap(({ id, fused }) => {
      const found = rows.get(id);
      if (found === undefined) return [];
      const { document_tokens: _, ...row } = found;
      const scores = {
        ...given("text", textRanking.scores.get(id)),
        ...given("vector", vectorScore.get(id)),
        fused,
        ...given("rerank", rerankScore.get(id)),
      };
      return [{ ...row, metadata: JSON.parse(row.metadata) as Record<string, unknown>, scores }];
    }),
    degraded,
    query_terms: words,
    vector_used: vectors !== null,
    index: texts.index,
  };
}

async function searchVectors(stores: Stores, request: RetrievalRequest, model: EmbeddingModel): Promise<Scored[]> {
  const [vector] = await embed(stores.ai, model, [request.query], "query");
  if (vector === undefined) return [];
  const { matches } = await stores.vectorize.query(vector, {
    topK: SEARCH_DEPTH_MAX,
    namespace: request.tenant,
    returnValues: false,
    returnMetadata: "none",
    ...(request.filter === undefined ? {} : { filter: request.filter as VectorizeVectorMetadataFilter }),
  });
  return matches.map(({ id, score }) => ({ id: Number(id), score }));
}

/**
 * Full text after its second stage. `scores` are what `scoreWithinTenant` gives each candidate. `ranked` is for the fusion: the candidate now
 * at a rank has the score that BM25 gave to that rank. So the order is the second stage's, and the distances stay BM25's.
 */
function rankText(
  query: string,
  terms: readonly QueryTerm[],
  { names, written }: { names: Names; written: readonly RegExp[] },
  { candidates, complete, statistics }: Pick<TextAnswer, "candidates" | "complete" | "statistics">,
  hasVectors: boolean,
): { ranked: Scored[]; scores: ReadonlyMap<number, number> } {
  const sequence = stems(query);
  // Vectors know more words for the same than a table does: beside them it only moves what they have right.
  const others = hasVectors ? new Map<string, Set<string>>() : otherWords(sequence, terms, statistics);
  const set = termSet([...sequence, ...[...others.values()].flatMap((words) => [...words])]);
  const shareOf = changeLogShare(query);
  const scored = (rows: readonly ChunkRow[]) => {
    const read = readCandidates(rows, set, terms, names, written);
    countOtherWords(read, set, others);
    return scoreWithinTenant(read, terms, set, statistics, shareOf);
  };
  // FTS5's cut stands: what it put behind never passes what it put before. Where it did not see every word, more compete for the head.
  const cut = complete && written.length === 0 ? RESCORE_DEPTH : SPARSE_POOL;
  const first = scored(candidates.slice(0, cut));
  const head = first.slice(0, RESCORE_DEPTH);
  const tail = [...first.slice(RESCORE_DEPTH), ...scored(candidates.slice(cut))];
  const scores = new Map([...head, ...tail].map(({ id, score }) => [id, score]));
  const heights = head.map(({ score }) => score);
  const lowest = heights.at(-1) ?? 0;
  return {
    ranked: [
      ...spreadDocuments(
        rescore(sequence, set, terms, head).map(({ id, document_id }, rank) => ({
          id,
          document_id,
          score: heights[rank] ?? 0,
        })),
      ).map(({ id }, rank) => ({ id, score: heights[rank] ?? 0 })),
      ...tail.map(({ id, score }) => ({ id, score: Math.min(score, lowest) })),
    ],
    scores,
  };
}

function given<Name extends string>(name: Name, score: number | undefined): { [N in Name]?: number } {
  return score === undefined ? {} : ({ [name]: score } as { [N in Name]: number });
}
