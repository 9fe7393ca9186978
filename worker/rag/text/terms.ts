/**
 * Stems of running text, and a fast search for a few of them: every candidate of every query passes here, within
 * the free plan's 10 ms of CPU.
 */
import { STEM_CACHE_MAX } from "../../limits.ts";
import type { Words } from "./read-words.ts";
import { americanSpelling } from "./spelling.ts";
import { stem } from "./stem.ts";
import { tokenise } from "./words.ts";

/** Text repeats its words, so an isolate stems each only once; emptied when full, which costs one slow query. */
const cache = new Map<string, string>();

/** What a word is compared by: its stem, as FTS5's porter tokenizer yields it, whichever way the word is spelt. */
export function termOf(word: string): string {
  const known = cache.get(word);
  if (known !== undefined) return known;
  if (cache.size >= STEM_CACHE_MAX) cache.clear();
  const made = stem(americanSpelling(word));
  cache.set(word, made);
  return made;
}

/** The stems of a text in order, stopwords included. */
export function stems(text: string): string[] {
  return tokenise(text).map(termOf);
}

/** Stems to look for. */
export interface TermSet {
  /** Each stem's number, from 0. */
  index: ReadonlyMap<string, number>;
  /** By a word's first two letters, a bit for each third letter of wanted stems: other words are not even sliced. */
  starts: Uint32Array;
  /** Words met so far that share a start: the number of their stem, -1 for one that is not wanted. */
  met: Map<string, number>;
}

/** Letters are told apart by their low five bits: distinct for a-z, and a superset for all else. */
const LETTERS = 32;
/** Stemming may turn a "y" into "i" ("ays" to "ai"), so these two count as one. */
const letterOf = (unit: number): number => (unit === 0x79 ? 0x69 : unit) & (LETTERS - 1);
const startOf = (first: number, second: number): number => letterOf(first) * LETTERS + letterOf(second);
const ANY_LETTER = 0xffff_ffff;
/** Stemming alters a word from its third letter on ("any" to "ani"), but none of these where more than three stay. */
const FAITHFUL_STEM_LETTERS = 4;

export function termSet(wanted: Iterable<string>): TermSet {
  const index = new Map<string, number>();
  const starts = new Uint32Array(LETTERS * LETTERS);
  for (const term of wanted) {
    if (index.has(term)) continue;
    index.set(term, index.size);
    const first = term.charCodeAt(0);
    const third = term.length >= FAITHFUL_STEM_LETTERS ? 1 << letterOf(term.charCodeAt(2)) : ANY_LETTER;
    // "ies" stems to "i": a stem of one letter may come from any second letter.
    const [low, high] = term.length > 1 ? [term.charCodeAt(1), term.charCodeAt(1)] : [0, LETTERS - 1];
    for (let second = low; second <= high; second += 1) {
      const start = startOf(first, second);
      starts[start] = (starts[start] ?? 0) | third;
    }
  }
  return { index, starts, met: new Map() };
}

/** Calls `visit` with the stem of each word that has `chars_min` letters, in order. */
export function visitStems({ folded, bounds }: Words, chars_min: number, visit: (stem: string) => void): void {
  for (let at = 0; at < bounds.length; at += 2) {
    const start = bounds[at] as number;
    const end = bounds[at + 1] as number;
    if (end - start >= chars_min) visit(termOf(folded.slice(start, end)));
  }
}

/** Calls `found` with the number of each wanted term and the place of its word in the text (from 0), in order. */
export function findTerms(
  { folded, bounds }: Words,
  { index, starts, met }: TermSet,
  found: (term: number, place: number) => void,
): void {
  for (let at = 0; at < bounds.length; at += 2) {
    const start = bounds[at] as number;
    const end = bounds[at + 1] as number;
    const second = end - start > 1 ? folded.charCodeAt(start + 1) : 0;
    const third = end - start > 2 ? folded.charCodeAt(start + 2) : 0;
    const thirds = starts[startOf(folded.charCodeAt(start), second)] ?? 0;
    if (((thirds >>> letterOf(third)) & 1) === 0) continue;
    const word = folded.slice(start, end);
    let term = met.get(word);
    if (term === undefined) {
      term = index.get(termOf(word)) ?? -1;
      met.set(word, term);
    }
    if (term >= 0) found(term, at >> 1);
  }
}
