/**
 * What the second stage knows of the best full-text candidates: their terms, and statistics among themselves.
 *
 * The index's document frequencies would cost a look-up for every term. Among candidates of one query local ones do
 * as well (measured: docs/decisions/0003-fusion.md), because only what tells candidates apart can reorder them.
 */
import { TITLE_WEIGHT } from "../limits.ts";
import { stems } from "./terms.ts";
import type { ChunkRow } from "./text-leg.ts";

/** BM25's usual constants (Robertson, Zaragoza 2009), the ones FTS5 has fixed. */
const K1 = 1.2;
const B = 0.75;

export interface Candidate {
  id: number;
  /** FTS5's bm25, higher is better; grows by what the second stage adds. */
  score: number;
  title: string[];
  body: string[];
  /** Occurrences of each stem, those in the title counted `TITLE_WEIGHT` times, as in the index's bm25. */
  frequency: Map<string, number>;
  /** Length in terms divided by the candidates' mean. */
  relative_length: number;
}

/** Reads the terms of candidates, in the given order. The heading counts as body, as in the index's bm25. */
export function readCandidates(rows: readonly { row: ChunkRow; score: number }[]): Candidate[] {
  const read = rows.map(({ row, score }) => {
    const title = stems(row.title);
    const body = row.heading === "" ? stems(row.text) : [...stems(row.heading), ...stems(row.text)];
    const frequency = new Map<string, number>();
    for (const term of title) frequency.set(term, (frequency.get(term) ?? 0) + TITLE_WEIGHT);
    for (const term of body) frequency.set(term, (frequency.get(term) ?? 0) + 1);
    return { id: row.chunk_id, score, title, body, frequency, relative_length: title.length + body.length };
  });
  const mean = read.reduce((sum, { relative_length }) => sum + relative_length, 0) / Math.max(1, read.length);
  for (const candidate of read) candidate.relative_length /= Math.max(1, mean);
  return read;
}

/** BM25's saturation: how much `occurrences` in this candidate count, 0 to k1 + 1. */
export function saturated(occurrences: number, candidate: Candidate): number {
  if (occurrences === 0) return 0;
  return (occurrences * (K1 + 1)) / (occurrences + K1 * (1 - B + B * candidate.relative_length));
}

/** Inverse document frequency among `total` candidates, of what `holding` of them hold; positive. */
export function localIdf(holding: number, total: number): number {
  return Math.log(1 + (total - holding + 0.5) / (holding + 0.5));
}
