/**
 * Whether retrieval found anything that could answer the question, decided from words alone, so that a question
 * outside the corpus is refused without a model call, and alike on every platform. Pure.
 */
import { queryTerms, tokenise } from "./query.ts";
import { stem } from "./stem.ts";

/** Below this share of the question's content words in any one text, nothing relevant was found. */
export const EVIDENCE_MIN = 0.5;

/**
 * 0..1: the largest share of the question's content words (stems, each once) that one text holds. `texts` are the
 * retrieved chunks with title and heading. A question without words, or no text, is 0.
 */
export function evidence(query: string, texts: readonly string[]): number {
  const terms = new Set(queryTerms(query).map((term) => term.stem));
  if (terms.size === 0) return 0;
  let best = 0;
  for (const text of texts) {
    const held = new Set<string>();
    for (const word of tokenise(text)) {
      const key = stem(word);
      if (terms.has(key)) held.add(key);
    }
    best = Math.max(best, held.size / terms.size);
  }
  return best;
}
