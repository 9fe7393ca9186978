/**
 * The second stage of full text: word pairs and pseudo-relevance reorder the best candidates, in memory. Pure.
 */

import type { QueryTerm } from "../text/query.ts";
import type { TermSet } from "../text/terms.ts";
import { type Candidate, contentNumbers, saturated } from "./candidates.ts";
import { pairBonuses } from "./proximity.ts";
import { reorderByPseudoRelevance } from "./pseudo-relevance.ts";

/** Fewer say nothing about each other. */
const CANDIDATES_MIN = 3;

/**
 * The candidates, best first. `sequence` is the query's stems as typed, `set` what the candidates were read
 * with, `terms` what full text was asked for. Adds to the candidates' scores.
 */
export function rescore(
  sequence: readonly string[],
  set: TermSet,
  terms: readonly QueryTerm[],
  candidates: Candidate[],
): Candidate[] {
  if (candidates.length < CANDIDATES_MIN) return candidates;
  const numbers = sequence.map((term) => set.index.get(term) ?? 0);
  const asked = terms.map(({ stem }) => set.index.get(stem) ?? 0);
  const content = contentNumbers(terms, set);

  // One unit of term saturation on bm25's scale: the query's mean idf, as the candidates show it.
  let scores = 0;
  let matches = 0;
  for (const candidate of candidates) {
    scores += candidate.score;
    for (const number of asked) matches += saturated(candidate.frequency[number] ?? 0, candidate);
  }
  const unit = matches > 0 ? scores / matches : 0;

  const pairs = pairBonuses(numbers, content, set.index.size, candidates, unit);
  candidates.forEach((candidate, place) => {
    candidate.score += pairs[place] ?? 0;
  });
  candidates.sort((a, b) => b.score - a.score || a.id - b.id);
  return reorderByPseudoRelevance(candidates);
}
