/**
 * Stems of running text, and a fast search for a few of them: every candidate of every query passes here, within
 * the free plan's 10 ms of CPU.
 */
import { STEM_CACHE_MAX } from "../limits.ts";
import { tokenise } from "./query.ts";
import { stem } from "./stem.ts";

/** Text repeats its words, so an isolate stems each only once; emptied when full, which costs one slow query. */
const cache = new Map<string, string>();

function cachedStem(word: string): string {
  const known = cache.get(word);
  if (known !== undefined) return known;
  if (cache.size >= STEM_CACHE_MAX) cache.clear();
  const made = stem(word);
  cache.set(word, made);
  return made;
}

/** The stems of a text in order, stopwords included, as FTS5's porter tokenizer yields them. */
export function stems(text: string): string[] {
  return tokenise(text).map(cachedStem);
}

/** Stems to look for. */
export interface TermSet {
  /** Each stem's number, from 0. */
  index: ReadonlyMap<string, number>;
  /** 1 where a wanted stem starts with that pair of letters: other words need neither slicing nor stemming. */
  starts: Uint8Array;
  /** Words met so far that share a start: the number of their stem, -1 for one that is not wanted. */
  met: Map<string, number>;
}

const START_BITS = 5;

/** The pair of first letters, each cut to its low five bits: distinct for a-z, and a superset for all else. */
const startOf = (first: number, second: number): number =>
  ((first & ((1 << START_BITS) - 1)) << START_BITS) | (second & ((1 << START_BITS) - 1));

export function termSet(wanted: Iterable<string>): TermSet {
  const index = new Map<string, number>();
  const starts = new Uint8Array(1 << (2 * START_BITS));
  for (const term of wanted) {
    if (index.has(term)) continue;
    index.set(term, index.size);
    const first = term.charCodeAt(0);
    if (term.length > 1) starts[startOf(first, term.charCodeAt(1))] = 1;
    // "ies" stems to "i": a stem of one letter may come from any second letter.
    else for (let second = 0; second < 1 << START_BITS; second += 1) starts[startOf(first, second)] = 1;
  }
  return { index, starts, met: new Map() };
}

/** What each UTF-16 unit is, asked of Unicode once: 1 letter or digit, 2 separator. */
const unitKinds = new Uint8Array(0x10000);

function unitKind(unit: number): number {
  const kind = /[\p{L}\p{N}]/u.test(String.fromCharCode(unit)) ? 1 : 2;
  unitKinds[unit] = kind;
  return kind;
}

/** A folded text with the bounds of its words: starts at even places, ends at odd ones. */
export interface Words {
  folded: string;
  bounds: Uint32Array;
}

/** Finds the words once, for several searches. Letters beyond the basic plane count as separators. */
export function readWords(folded: string): Words {
  const length = folded.length;
  const bounds = new Uint32Array(length + 1);
  let count = 0;
  let inside = false;
  for (let at = 0; at < length; at += 1) {
    const unit = folded.charCodeAt(at);
    const isWord = (unitKinds[unit] || unitKind(unit)) === 1;
    if (isWord !== inside) {
      bounds[count] = at;
      count += 1;
      inside = isWord;
    }
  }
  if (inside) {
    bounds[count] = length;
    count += 1;
  }
  return { folded, bounds: bounds.subarray(0, count) };
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
    if (starts[startOf(folded.charCodeAt(start), second)] !== 1) continue;
    const word = folded.slice(start, end);
    let term = met.get(word);
    if (term === undefined) {
      term = index.get(cachedStem(word)) ?? -1;
      met.set(word, term);
    }
    if (term >= 0) found(term, at >> 1);
  }
}
