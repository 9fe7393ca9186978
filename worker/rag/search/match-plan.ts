/**
 * What full text must match where ranking every chunk that says any word of the query would cost too much. Pure.
 *
 * FTS5 finds a chunk in some 50 ns and ranks it in some 2 µs, so what counts is how many it must rank. Rare words decide: whoever holds one
 * is ranked. Of frequent words a chunk must hold several at once, so many that few chunks are left. What a chunk says of words
 * that were left out counts as much as ever, once it is read (`tenant-score.ts`).
 */
import { POSTINGS_PER_RANKED } from "../../limits.ts";

/** A word of the query, and how many of the tenant's chunks hold it. */
export interface AskedWord {
  /** As an FTS5 expression. */
  match: string;
  held: number;
}

/**
 * A MATCH expression with every word at most once, for bm25 would count it twice. About `ranked_max` of the `chunks` match it, if
 * words fell independently of each other. Null where all are too frequent to be ranked by, even together.
 */
export function planMatch(words: readonly AskedWord[], chunks: number, ranked_max: number): string | null {
  const rarestFirst = words.filter(({ held }) => held > 0).toSorted((a, b) => a.held - b.held);
  let left = ranked_max;
  const alone = rarestFirst.filter(({ held }) => {
    left -= held;
    return left >= 0;
  });
  const ranked = alone.reduce((sum, { held }) => sum + held, 0);
  const together = conjunction(rarestFirst.slice(alone.length), chunks, ranked_max - ranked, ranked_max);
  const parts = [...alone.map(({ match }) => match), ...together];
  return parts.length === 0 ? null : parts.join(" OR ");
}

/** None, or one expression: a word of each of so many groups that at most `left` chunks are to be expected. */
function conjunction(frequent: readonly AskedWord[], chunks: number, left: number, ranked_max: number): string[] {
  let postings = POSTINGS_PER_RANKED * ranked_max;
  const read = frequent.filter(({ held }) => {
    postings -= held;
    return postings >= 0;
  });
  for (let size = 2; size <= read.length; size += 1) {
    // Dealt like cards, so that each group has rarer and more frequent words.
    const groups = Array.from({ length: size }, (_, first) => read.filter((_, at) => at % size === first));
    const expected = groups.reduce((all, group) => {
      const held = group.reduce((sum, word) => sum + word.held, 0);
      return all * Math.min(1, held / chunks);
    }, chunks);
    if (expected > left) continue;
    return [`(${groups.map((group) => `(${group.map(({ match }) => match).join(" OR ")})`).join(" AND ")})`];
  }
  return [];
}
