/**
 * The second stage of full text: word pairs, repeated query words and pseudo-relevance reorder the best
 * candidates, in memory, from rows that the first stage already read. Pure.
 */

import type { QueryTerm } from "../text/query.ts";
import { stems, termSet } from "../text/terms.ts";
import { readCandidates, saturated } from "./candidates.ts";
import { pairBonuses } from "./proximity.ts";
import { reorderByPseudoRelevance } from "./pseudo-relevance.ts";
import type { ChunkRow } from "./text-leg.ts";

/** Fewer say nothing about each other. */
const CANDIDATES_MIN = 3;

/**
 * The ids of the candidates, best first. `query` is the text as typed, `terms` what full text was asked for,
 * `rows` the first stage's candidates, best first.
 */
export function rescore(
  query: string,
  terms: readonly QueryTerm[],
  rows: readonly { row: ChunkRow; score: number }[],
): number[] {
  if (rows.length < CANDIDATES_MIN) return rows.map(({ row }) => row.chunk_id);
  const sequence = stems(query);
  const set = termSet(sequence);
  const numbers = sequence.map((term) => set.index.get(term) ?? 0);
  const asked = terms.map(({ stem, count }) => ({ number: set.index.get(stem) ?? 0, count }));
  const candidates = readCandidates(rows, set);

  // One unit of term saturation on bm25's scale: the query's mean idf, as the candidates show it.
  let scores = 0;
  let matches = 0;
  for (const candidate of candidates) {
    scores += candidate.score;
    for (const { number } of asked) matches += saturated(candidate.frequency[number] ?? 0, candidate);
  }
  const unit = matches > 0 ? scores / matches : 0;

  const pairs = pairBonuses(numbers, set.index.size, candidates, unit);
  candidates.forEach((candidate, place) => {
    candidate.score += pairs[place] ?? 0;
    for (const { number, count } of asked) {
      if (count === 1) continue;
      // FTS5 asks for a term once, however often the query says it; the root damps as BM25's k3 does.
      candidate.score += (Math.sqrt(count) - 1) * unit * saturated(candidate.frequency[number] ?? 0, candidate);
    }
  });
  candidates.sort((a, b) => b.score - a.score || a.id - b.id);
  return reorderByPseudoRelevance(candidates).map(({ id }) => id);
}
