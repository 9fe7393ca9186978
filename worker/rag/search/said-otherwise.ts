/**
 * What candidates say in other words than the query: "disable" for a query that says "turn off". Only for words that hardly any of the
 * tenant's chunks hold, since the others decide well enough as they are; and only among the candidates, so that the index is not asked
 * for more. Pure.
 */
import { PARAPHRASE_SHARE, paraphrases } from "../text/paraphrases.ts";
import type { QueryTerm } from "../text/query.ts";
import type { TermSet } from "../text/terms.ts";
import type { Candidate } from "./candidates.ts";
import type { TenantStatistics } from "./text-leg.ts";

/** A word that more than this share of the chunks hold is taken to be what the documents themselves say. */
const RARE_SHARE = 0.02;

/** For each rare one of `terms`, by its stem, the stems that may stand for it. `sequence`: the query's stems as typed. */
export function otherWords(
  sequence: readonly string[],
  terms: readonly QueryTerm[],
  { chunks, holding }: TenantStatistics,
): Map<string, Set<string>> {
  const rare = new Set(
    terms.flatMap(({ stem }, place) => ((holding[place] ?? 0) <= RARE_SHARE * chunks ? [stem] : [])),
  );
  return new Map([...paraphrases(sequence)].filter(([asked]) => rare.has(asked)));
}

/** Adds to what the candidates say of each asked word a part of what they say of the one that stands for it most often. */
export function countOtherWords(
  candidates: readonly Candidate[],
  { index }: TermSet,
  others: ReadonlyMap<string, ReadonlySet<string>>,
): void {
  for (const [asked, words] of others) {
    const number = index.get(asked) ?? 0;
    const numbers = [...words].map((word) => index.get(word) ?? 0);
    for (const { frequency } of candidates) {
      const most = Math.max(...numbers.map((other) => frequency[other] ?? 0));
      frequency[number] = (frequency[number] ?? 0) + PARAPHRASE_SHARE * most;
    }
  }
}
