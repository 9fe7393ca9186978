/**
 * What the second stage knows of the best full-text candidates: how often they say which terms, and statistics among
 * themselves.
 *
 * The index's document frequencies would cost a look-up for every term. Among candidates of one query local ones do
 * as well (docs/decisions/0003-fusion.md), because only what tells candidates apart can reorder them.
 */
import { TITLE_WEIGHT } from "../../limits.ts";
import { declaredNames, identifierWords, type Names } from "../text/identifiers.ts";
import type { QueryTerm } from "../text/query.ts";
import { findTerms, type TermSet } from "../text/terms.ts";
import { readText, type TextWords } from "../text/words.ts";
import type { ChunkRow } from "./text-leg.ts";

/** BM25's usual constants (Robertson, Zaragoza 2009), the ones FTS5 has fixed. */
const K1 = 1.2;
const B = 0.75;

/** So near to each other two words may stand and be about the same thing (Metzler and Croft's unordered window of two terms). */
const NEAR_WORDS = 8;

/** `max tokens` and `maxTokens` look for `MAX_TOKENS`, but less than for their own kind. */
const OTHERWISE_SPELLED = 0.75;

export interface Candidate {
  id: number;
  document_id: string;
  /** BM25, higher is better; the second stage adds to it. */
  score: number;
  title: TextWords;
  /** The heading path and the text; of code with the words of its names. */
  body: TextWords;
  /** It is code that declares a name which the query asks for: 1 as it is spelled there, else less; 0 for what declares none. */
  declares: number;
  /** How often it writes each name that the query writes. */
  written: number[];
  /** How many words both have. */
  length: number;
  /** How many its document has, by the share of the document's tokens that the chunk is. */
  document_length: number;
  /** `length` divided by the candidates' mean. */
  relative_length: number;
  /** Occurrences of each query term by its number, one in the title counted as `TITLE_WEIGHT`, as in the index. */
  frequency: Float64Array;
  /** Occurrences of query terms side by side, by `first * terms + second`. */
  pairs: Map<number, number>;
  /** How often two terms that follow one another in the query, stopwords left out, stand near each other, by `first * terms + second`. */
  near: Map<number, number>;
}

/**
 * Candidates from rows, in the same order. `query` holds every stem of the query, stopwords included; `terms` are those that full text
 * was asked for. Of compounds among them ("email" of "e-mail") only the occurrences that stand in the text count, as in the index.
 * `names` are those that it may ask for, `written` what finds those that it writes.
 */
export function readCandidates(
  rows: readonly ChunkRow[],
  query: TermSet,
  terms: readonly QueryTerm[],
  names: Names,
  written: readonly RegExp[],
): Candidate[] {
  const size = query.index.size;
  const typed_only = new Set(terms.flatMap(({ stem, compound }) => (compound ? [query.index.get(stem)] : [])));
  const sequence = contentNumbers(terms, query);
  const earlier = new Map(sequence.map((term, place) => [term, sequence[place - 1]]));
  const later = new Map(sequence.map((term, place) => [term, sequence[place + 1]]));
  const candidates = rows.map((row): Candidate => {
    const title = readText(row.title);
    const isCode = row.format === "code";
    const text = row.heading === "" ? row.text : `${row.heading}\n${row.text}`;
    const body = readText(isCode ? `${text}\n${identifierWords(`${row.title}\n${text}`)}` : text);
    const frequency = new Float64Array(size);
    const pairs = new Map<number, number>();
    const near = new Map<number, number>();
    for (const [text, weight] of [
      [title, TITLE_WEIGHT],
      [body, 1],
    ] as const) {
      let lastTerm = -1;
      let lastPlace = -1;
      const last = new Map<number, number>();
      const meet = (
        first: number | undefined,
        second: number | undefined,
        other: number | undefined,
        place: number,
      ) => {
        const met = other === undefined ? undefined : last.get(other);
        if (first === undefined || second === undefined || met === undefined || place - met > NEAR_WORDS) return;
        near.set(first * size + second, (near.get(first * size + second) ?? 0) + 1);
      };
      findTerms(text, query, (term, place) => {
        if (typed_only.has(term) && (text.bounds[2 * place] ?? 0) >= text.typed_length) return;
        frequency[term] = (frequency[term] ?? 0) + weight;
        if (lastPlace >= 0 && place === lastPlace + 1) {
          const pair = lastTerm * size + term;
          pairs.set(pair, (pairs.get(pair) ?? 0) + 1);
        }
        lastTerm = term;
        lastPlace = place;
        meet(earlier.get(term), term, earlier.get(term), place);
        meet(term, later.get(term), later.get(term), place);
        last.set(term, place);
      });
    }
    const length = (title.bounds.length + body.bounds.length) / 2;
    return {
      id: row.chunk_id,
      document_id: row.document_id,
      score: 0,
      title,
      body,
      declares: isCode ? declarationShare(declaredNames(row.heading), names) : 0,
      written: written.map((name) => [...`${title.folded}\n${body.folded}`.matchAll(name)].length),
      length,
      document_length: length * Math.max(1, row.document_tokens / Math.max(1, row.token_count)),
      relative_length: 1,
      frequency,
      pairs,
      near,
    };
  });
  const mean = candidates.reduce((sum, { length }) => sum + length, 0) / Math.max(1, candidates.length);
  for (const candidate of candidates) candidate.relative_length = candidate.length / Math.max(1, mean);
  return candidates;
}

/** Numbers of the terms in the order of the query, without other spellings of what it says already. */
export function contentNumbers(terms: readonly QueryTerm[], { index }: TermSet): number[] {
  return terms.flatMap(({ stem, compound }) => (compound ? [] : [index.get(stem) ?? 0]));
}

function declarationShare(declared: Names, asked: Names): number {
  let share = 0;
  for (const [key, spelling] of asked) {
    const own = declared.get(key);
    if (own !== undefined) share = Math.max(share, own === spelling ? 1 : OTHERWISE_SPELLED);
  }
  return share;
}

/** How often a candidate says each of `terms`, weighted like `Candidate.frequency`. */
export function countTerms(candidate: Candidate, terms: TermSet): Float64Array {
  const counts = new Float64Array(terms.index.size);
  for (const [text, weight] of [
    [candidate.title, TITLE_WEIGHT],
    [candidate.body, 1],
  ] as const) {
    findTerms(text, terms, (term) => {
      counts[term] = (counts[term] ?? 0) + weight;
    });
  }
  return counts;
}

/** BM25's saturation: how much `occurrences` in this candidate count, 0 to k1 + 1. */
export function saturated(occurrences: number, candidate: Candidate): number {
  return saturation(occurrences, candidate.relative_length);
}

/** The same for a text of `relative_length` times the usual length. */
export function saturation(occurrences: number, relative_length: number): number {
  if (occurrences === 0) return 0;
  return (occurrences * (K1 + 1)) / (occurrences + K1 * (1 - B + B * relative_length));
}

/** Inverse document frequency among `total` candidates, of what `holding` of them hold; positive. */
export function localIdf(holding: number, total: number): number {
  return Math.log(1 + (total - holding + 0.5) / (holding + 0.5));
}
