/**
 * BM25 (Robertson, Zaragoza 2009) of the candidates with the statistics of one tenant, in place of FTS5's: those are of the
 * whole table, so a tenant could read from its scores how often others use a word. Pure.
 */
import type { QueryTerm } from "../text/query.ts";
import type { TermSet } from "../text/terms.ts";
import { type Candidate, localIdf, saturation } from "./candidates.ts";
import type { TenantStatistics } from "./text-leg.ts";

/**
 * Words of a usual chunk. A constant: the tenant's mean costs a scan and ranks no better. Quality is flat from 70 to 100; with the
 * true means of collections, some 150, news and abstracts lose.
 */
const USUAL_CHUNK_WORDS = 100;

/**
 * Weight of the whole document beside the chunk (Callan 1994, "Passage-Level Evidence in Document Retrieval"): long documents need both,
 * and a document of one chunk scores like its chunk whatever it is. More of it puts a long document that says the words here and there
 * before the short one that says them together.
 */
const DOCUMENT_SHARE = 0.4;

/** Weight of declaring a name beside saying a word once. A chunk that uses the name says its words up to K1 + 1 times. */
const DECLARATION_WEIGHT = 2;

/**
 * Scores the candidates and returns them, best first. `query` holds the stems that they were read with; `shareOf` tells what a chunk keeps
 * of its score by the title of its document.
 *
 * A document says what its chunks among the candidates say: those that are not hold next to nothing of the query. Its
 * length is the whole document's, against the mean of documents: the harmonic mean over chunks, since long documents have more
 * of them, and counting the tenant's documents would cost a scan. A word that the query repeats weighs by the root of how often.
 */
export function scoreWithinTenant(
  candidates: readonly Candidate[],
  terms: readonly QueryTerm[],
  query: TermSet,
  { chunks, holding }: TenantStatistics,
  shareOf: (title: string) => number,
): Candidate[] {
  const idfOf = (held: number): number => Math.log(1 + (Math.max(0, chunks - held) + 0.5) / (held + 0.5));
  const asked = terms.map(({ stem, count }, place) => ({
    number: query.index.get(stem) ?? 0,
    weight: idfOf(holding[place] ?? 0) * Math.sqrt(count),
  }));
  // "email" of "e-mail" is another spelling of the same: where it stands, it says its parts, and no more than they do.
  const spelled = terms.flatMap(({ surface, compound }, place) => {
    const parts = asked.filter((_, other) => !terms[other]?.compound && surface.includes(terms[other]?.surface ?? " "));
    return compound && parts.length > 0 ? [{ whole: asked[place]?.number ?? 0, parts }] : [];
  });
  const bm25 = (own: Float64Array, relative_length: number): number => {
    const frequency = spelled.length === 0 ? own : own.slice();
    for (const { whole, parts } of spelled) {
      for (const { number } of parts) frequency[number] = Math.max(own[number] ?? 0, own[whole] ?? 0);
      frequency[whole] = 0;
    }
    return asked.reduce(
      (sum, { number, weight }) => sum + weight * saturation(frequency[number] ?? 0, relative_length),
      0,
    );
  };
  // A chunk that declares an asked name says one more term: as rare as it is here, for all that declare it are candidates.
  const declaring = candidates.filter(({ declares }) => declares > 0).length;
  const declaration = DECLARATION_WEIGHT * idfOf(declaring);
  // So does one that writes a name as the query does: its words are no more than a hint of it.
  const names = candidates[0]?.written.map((_, name) => {
    const holders = candidates.filter(({ written }) => (written[name] ?? 0) > 0).length;
    return localIdf(holders, candidates.length);
  });
  const ofNames = (written: readonly number[], relative_length: number): number =>
    (names ?? []).reduce((sum, weight, name) => sum + weight * saturation(written[name] ?? 0, relative_length), 0);
  const shares = candidates.reduce(
    (sum, { length, document_length }) => sum + length / Math.max(1, document_length),
    0,
  );
  const usual_document_words = (USUAL_CHUNK_WORDS * candidates.length) / Math.max(Number.EPSILON, shares);
  for (const own of Map.groupBy(candidates, ({ document_id }) => document_id).values()) {
    const frequency = new Float64Array(query.index.size);
    for (const candidate of own) {
      for (const { number } of asked) frequency[number] = (frequency[number] ?? 0) + (candidate.frequency[number] ?? 0);
    }
    const document_length = own.reduce((longest, candidate) => Math.max(longest, candidate.document_length), 0);
    const ofDocument = bm25(frequency, document_length / usual_document_words);
    for (const candidate of own) {
      const relative_length = candidate.length / USUAL_CHUNK_WORDS;
      const ofChunk = bm25(candidate.frequency, relative_length);
      candidate.score =
        shareOf(candidate.title.folded) *
        ((1 - DOCUMENT_SHARE) * ofChunk +
          DOCUMENT_SHARE * ofDocument +
          candidate.declares * declaration +
          ofNames(candidate.written, relative_length));
    }
  }
  return candidates.toSorted((a, b) => b.score - a.score || a.id - b.id);
}
