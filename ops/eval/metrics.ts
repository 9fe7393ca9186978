/**
 * Ranking and latency figures. Pure.
 *
 * nDCG follows trec_eval, and so pytrec_eval and BEIR: gain over log2(rank + 1), divided by the same for the ideal
 * order of *all* judged documents. `binary` counts every positive judgement as 1, `graded` takes it as it stands.
 */

type Gain = "binary" | "graded";
/** Judgements of one query: document id → relevance; zero and below is "not relevant". */
export type Judgements = ReadonlyMap<string, number>;

/** nDCG at `k` of a ranking without repeats, 0..1; 0 when nothing is relevant. */
export function ndcg(ranking: readonly string[], judgements: Judgements, k: number, gain: Gain): number {
  const worth = (relevance: number): number => (relevance <= 0 ? 0 : gain === "binary" ? 1 : relevance);
  const ideal = dcg(
    [...judgements.values()].map(worth).toSorted((a, b) => b - a),
    k,
  );
  if (ideal === 0) return 0;
  return (
    dcg(
      ranking.slice(0, k).map((id) => worth(judgements.get(id) ?? 0)),
      k,
    ) / ideal
  );
}

function dcg(gains: readonly number[], k: number): number {
  return gains.slice(0, k).reduce((sum, gain, index) => sum + gain / Math.log2(index + 2), 0);
}

/** Share of the relevant documents among the first `k`. */
export function recall(ranking: readonly string[], judgements: Judgements, k: number): number {
  const relevant = [...judgements].filter(([, relevance]) => relevance > 0).map(([id]) => id);
  if (relevant.length === 0) return 0;
  const found = new Set(ranking.slice(0, k));
  return relevant.filter((id) => found.has(id)).length / relevant.length;
}

/** 1 / rank of the first relevant document among the first `k`, else 0. */
export function reciprocalRank(ranking: readonly string[], judgements: Judgements, k: number): number {
  const index = ranking.slice(0, k).findIndex((id) => (judgements.get(id) ?? 0) > 0);
  return index === -1 ? 0 : 1 / (index + 1);
}

export function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** The smallest value that at least `share` of the values do not exceed (nearest rank); NaN of nothing. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}
