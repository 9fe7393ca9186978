/**
 * Word pairs: a candidate that says two neighbouring query words side by side is more likely about them together
 * (the ordered window of Metzler and Croft's sequential dependence model, 2005). Stopwords take part here, although
 * the index is not asked for them: "out of neurons" is more than "neurons".
 */
import { type Candidate, localIdf, saturated } from "./candidates.ts";

/** Weight of a pair beside a single term; SDM's literature has 0.1 to 0.4 for ordered windows, quality is flat there. */
const PAIR_WEIGHT = 0.4;

/**
 * What to add to each candidate's score, in order. `sequence` is the query as term numbers, `terms` how many there
 * are, `unit` what one unit of saturation of a term is worth on the scores' scale. A pair that most candidates hold
 * ("what is") counts next to nothing.
 */
export function pairBonuses(
  sequence: readonly number[],
  terms: number,
  candidates: readonly Candidate[],
  unit: number,
): number[] {
  const asked = new Set<number>();
  for (let i = 1; i < sequence.length; i += 1) {
    const [first = 0, second = 0] = [sequence[i - 1], sequence[i]];
    if (first !== second) asked.add(first * terms + second);
  }
  const holding = new Map<number, number>();
  for (const { pairs } of candidates) {
    for (const pair of pairs.keys()) if (asked.has(pair)) holding.set(pair, (holding.get(pair) ?? 0) + 1);
  }
  const rarest = localIdf(1, candidates.length);
  return candidates.map((candidate) => {
    let bonus = 0;
    for (const [pair, count] of candidate.pairs) {
      const holders = holding.get(pair);
      if (holders === undefined) continue;
      bonus += (localIdf(holders, candidates.length) / rarest) * saturated(count, candidate);
    }
    return PAIR_WEIGHT * unit * bonus;
  });
}
