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
 * A MATCH expression: about `ranked_max` of the `chunks` match it, if words fell independently of each other. Null where all are too
 * frequent to be ranked by, even together.
 */
export function planMatch(words: readonly AskedWord[], chunks: number, ranked_max: number): string | null {
  const rarestFirst = words.filter(({ held }) => held > 0).toSorted((a, b) => a.held - b.held);
  let left = ranked_max;
  const alone = rarestFirst.filter(({ held }) => {
    left -= held;
    return left >= 0;
  });
  const ranked = alone.reduce((sum, { held }) => sum + held, 0);
  const groups = groupsOf(rarestFirst.slice(alone.length), chunks, ranked_max - ranked, ranked_max);
  const together = groups.map((group) => `(${anyWord(group)})`).join(" AND ");
  if (alone.length === 0) return together === "" ? null : together;
  if (together === "") return anyWord(alone);
  // Where a chunk has a rare word and not all that must come together, FTS5 would not see what it has of those: they are said again.
  return `(${anyWord(alone)} OR (${together})) AND (${anyWord([...alone, ...groups.flat()])})`;
}

const anyWord = (words: readonly AskedWord[]): string => words.map(({ match }) => match).join(" OR ");

/** The fewest groups such that at most `left` chunks are to be expected to hold a word of each; none where there are no such groups. */
function groupsOf(frequent: readonly AskedWord[], chunks: number, left: number, ranked_max: number): AskedWord[][] {
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
    if (expected <= left) return groups;
  }
  return [];
}
