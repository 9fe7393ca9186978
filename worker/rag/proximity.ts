/**
 * Word pairs: a candidate that says two neighbouring query words side by side is more likely about them together
 * (the ordered window of Metzler and Croft's sequential dependence model, 2005). Stopwords take part here: the
 * index is not asked for them, but "out of neurons" is not "neurons out".
 */
import { type Candidate, localIdf, saturated } from "./candidates.ts";

/** Weight of a pair beside a single term; SDM's literature has 0.1 to 0.4 for ordered windows, quality is flat there. */
const PAIR_WEIGHT = 0.4;

/** Pairs of neighbouring query stems, each once. */
export function queryPairs(sequence: readonly string[]): Set<string> {
  const pairs = new Set<string>();
  for (let i = 1; i < sequence.length; i += 1) {
    if (sequence[i - 1] !== sequence[i]) pairs.add(`${sequence[i - 1]} ${sequence[i]}`);
  }
  return pairs;
}

/**
 * What to add to each candidate's score, in order. `sequence` is the whole query as stems, `unit` the worth of one
 * fully matched rare term on the scores' scale. A pair that most candidates hold ("what is") counts next to nothing.
 */
export function pairBonuses(sequence: readonly string[], candidates: readonly Candidate[], unit: number): number[] {
  const pairs = queryPairs(sequence);
  if (pairs.size === 0) return candidates.map(() => 0);
  const words = new Set(sequence);
  const counts = candidates.map(({ title, body }) => {
    const found = new Map<string, number>();
    for (const text of [title, body]) countPairs(text, words, pairs, found);
    return found;
  });
  const holding = new Map<string, number>();
  for (const found of counts) for (const pair of found.keys()) holding.set(pair, (holding.get(pair) ?? 0) + 1);
  const rarest = localIdf(1, candidates.length);
  return candidates.map((candidate, place) => {
    let bonus = 0;
    for (const [pair, count] of counts[place] ?? []) {
      const rarity = localIdf(holding.get(pair) ?? 1, candidates.length) / rarest;
      bonus += rarity * saturated(count, candidate);
    }
    return PAIR_WEIGHT * unit * bonus;
  });
}

function countPairs(text: readonly string[], words: Set<string>, pairs: Set<string>, found: Map<string, number>): void {
  let previous = "";
  for (const term of text) {
    const known = words.has(term);
    if (known && previous !== "") {
      const pair = `${previous} ${term}`;
      if (pairs.has(pair)) found.set(pair, (found.get(pair) ?? 0) + 1);
    }
    previous = known ? term : "";
  }
}
