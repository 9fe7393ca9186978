/**
 * Pseudo-relevance feedback over the candidates: RM3 (Abdul-Jaleel et al. 2004) as a re-ranking, without a second
 * query. What the best few candidates talk about besides the query tells the rest apart.
 *
 * Unguarded, RM3 loses where one document holds the answer: its neighbours overtake it. So the first
 * `EXPANSION_PINNED` keep their places; they are the evidence that feedback is made of, not its subject.
 */
import { TITLE_WEIGHT } from "../../limits.ts";
import { stem } from "../text/stem.ts";
import { STOPWORDS } from "../text/stopwords.ts";
import { termSet, visitStems } from "../text/terms.ts";
import { type Candidate, countTerms, localIdf, saturated } from "./candidates.ts";

/** The literature's 5 to 10 documents and 10 to 50 terms; quality is flat over that range. */
const EXPANSION_DOCUMENTS = 5;
const EXPANSION_TERMS = 20;
/** Share of the original score (RM3's lambda). */
const ORIGINAL_SHARE = 0.7;
const EXPANSION_PINNED = 1;
/** RM3 weighs a document by its query likelihood, which falls faster than its score; this exponent stands for that. */
const SHARPNESS = 3;
/** Shorter stems are mostly symbols and remains of contractions. */
const TERM_CHARS_MIN = 3;

const STOPPED: ReadonlySet<string> = new Set([...STOPWORDS].map(stem));

/** The terms that the best candidates share, with weights that sum to 1. `candidates` are best first. */
function expansionTerms(candidates: readonly Candidate[]): Map<string, number> {
  const best = candidates.slice(0, EXPANSION_DOCUMENTS);
  const top = best[0]?.score ?? 1;
  const weights = new Map<string, number>();
  for (const { score, title, body, length } of best) {
    const trust = (score / top) ** SHARPNESS / Math.max(1, length);
    for (const [text, weight] of [
      [title, TITLE_WEIGHT],
      [body, 1],
    ] as const) {
      const gain = trust * weight;
      // A stem is no longer than its word.
      visitStems(text, TERM_CHARS_MIN, (term) => {
        if (term.length < TERM_CHARS_MIN || STOPPED.has(term)) return;
        weights.set(term, (weights.get(term) ?? 0) + gain);
      });
    }
  }
  const strongest = [...weights].sort((a, b) => b[1] - a[1]).slice(0, EXPANSION_TERMS);
  const sum = strongest.reduce((total, [, weight]) => total + weight, 0);
  return new Map(strongest.map(([term, weight]) => [term, weight / sum]));
}

/** The candidates, best first, in the order after feedback; `candidates` are best first before it. */
export function reorderByPseudoRelevance(candidates: readonly Candidate[]): Candidate[] {
  if (candidates.length <= EXPANSION_PINNED) return [...candidates];
  const terms = expansionTerms(candidates);
  const set = termSet(terms.keys());
  const counts = candidates.map((candidate) => countTerms(candidate, set));
  const weights = [...terms.values()].map((weight, term) => {
    const holding = counts.reduce((sum, count) => sum + ((count[term] ?? 0) > 0 ? 1 : 0), 0);
    return weight * localIdf(holding, candidates.length);
  });
  const support = candidates.map((candidate, place) =>
    weights.reduce((sum, weight, term) => sum + weight * saturated(counts[place]?.[term] ?? 0, candidate), 0),
  );
  // Scores and support are on unlike scales; equal means make the share a share.
  const scale = mean(candidates.map(({ score }) => score)) / (mean(support) || 1);
  const combined = new Map(
    candidates.map((candidate, place) => [
      candidate,
      ORIGINAL_SHARE * candidate.score + (1 - ORIGINAL_SHARE) * scale * (support[place] ?? 0),
    ]),
  );
  const rest = candidates
    .slice(EXPANSION_PINNED)
    .sort((a, b) => (combined.get(b) ?? 0) - (combined.get(a) ?? 0) || a.id - b.id);
  return [...candidates.slice(0, EXPANSION_PINNED), ...rest];
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
}
