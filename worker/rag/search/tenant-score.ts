/**
 * BM25 (Robertson, Zaragoza 2009) of the candidates with the statistics of one tenant, in place of FTS5's: those are of the
 * whole table, so a tenant could read from its scores how often others use a word. Pure.
 */
import type { QueryTerm } from "../text/query.ts";
import type { TermSet } from "../text/terms.ts";
import { type Candidate, saturation } from "./candidates.ts";
import type { TenantStatistics } from "./text-leg.ts";

/**
 * Words of a usual chunk. A constant, because the mean of the candidates would depend on where FTS5's ranking cut them,
 * and the mean of the tenant costs a scan.
 */
const USUAL_CHUNK_WORDS = 100;

/** Scores the candidates and returns them, best first. `query` holds the stems that they were read with. */
export function scoreWithinTenant(
  candidates: readonly Candidate[],
  terms: readonly QueryTerm[],
  query: TermSet,
  { chunks, holding }: TenantStatistics,
): Candidate[] {
  const asked = terms.map(({ stem }, place) => {
    const held = holding[place] ?? 0;
    return { number: query.index.get(stem) ?? 0, idf: Math.log(1 + (Math.max(0, chunks - held) + 0.5) / (held + 0.5)) };
  });
  for (const candidate of candidates) {
    candidate.score = asked.reduce(
      (sum, { number, idf }) =>
        sum + idf * saturation(candidate.frequency[number] ?? 0, candidate.length / USUAL_CHUNK_WORDS),
      0,
    );
  }
  return candidates.toSorted((a, b) => b.score - a.score || a.id - b.id);
}
