/**
 * Word pairs: a candidate that says two neighbouring query words side by side, or near each other, is more likely about them together
 * (the ordered and the unordered window of Metzler and Croft's sequential dependence model, 2005). Side by side stopwords take part,
 * although the index is not asked for them: "out of neurons" is more than "neurons".
 */
import { type Candidate, localIdf, saturated } from "./candidates.ts";

/** Weight of a pair beside a single term; SDM's literature has 0.1 to 0.4 for either window, quality is flat there. */
const PAIR_WEIGHT = 0.4;

/**
 * What to add to each candidate's score, in order. `sequence` is the query as term numbers, `content` the same without stopwords, `terms`
 * how many there are, `unit` what one unit of saturation of a term is worth on the scores' scale. A pair that most candidates hold
 * ("what is") counts next to nothing.
 */
export function pairBonuses(
  sequence: readonly number[],
  content: readonly number[],
  terms: number,
  candidates: readonly Candidate[],
  unit: number,
): number[] {
  const beside = windowScores(pairsOf(sequence, terms), candidates, ({ pairs }) => pairs);
  const near = windowScores(pairsOf(content, terms), candidates, (candidate) => candidate.near);
  return beside.map((score, place) => PAIR_WEIGHT * unit * (score + (near[place] ?? 0)));
}

function pairsOf(sequence: readonly number[], terms: number): Set<number> {
  const asked = new Set<number>();
  for (let i = 1; i < sequence.length; i += 1) {
    const [first = 0, second = 0] = [sequence[i - 1], sequence[i]];
    if (first !== second) asked.add(first * terms + second);
  }
  return asked;
}

/** How much of the asked pairs each candidate says, in units of saturation of a term. */
function windowScores(
  asked: ReadonlySet<number>,
  candidates: readonly Candidate[],
  held: (candidate: Candidate) => ReadonlyMap<number, number>,
): number[] {
  const holding = new Map<number, number>();
  for (const candidate of candidates) {
    for (const pair of held(candidate).keys()) if (asked.has(pair)) holding.set(pair, (holding.get(pair) ?? 0) + 1);
  }
  const rarest = localIdf(1, candidates.length);
  return candidates.map((candidate) => {
    let score = 0;
    for (const [pair, count] of held(candidate)) {
      const holders = holding.get(pair);
      if (holders !== undefined) score += (localIdf(holders, candidates.length) / rarest) * saturated(count, candidate);
    }
    return score;
  });
}
