/**
 * The embedder of the local platform: no weights, no state, no network.
 *
 * A text becomes the signed feature hash (Weinberger et al. 2009) of its stems and of their character n-grams, so
 * related spellings (`aero-elastic`, `aeroelasticity`, a typo) end up near each other. It knows no meaning: a
 * synonym is as far away as any other word. `worker/vectors/models.ts` says what weight that deserves in a hybrid search.
 */
import { stem } from "../../worker/rag/text/stem.ts";
import { STOPWORDS } from "../../worker/rag/text/stopwords.ts";
import { tokenise } from "../../worker/rag/text/words.ts";

export const LEXICAL_MODEL = "@prism/lexical-384-v1";
const LEXICAL_DIMENSIONS = 384;

/** Lengths of the character n-grams; words are padded with one blank on each side, so that ends count as letters. */
const GRAM_LENGTHS = [3, 4, 5] as const;
/** Length of a word's n-gram part relative to its whole-stem part. */
const GRAM_SHARE = 0.5;
/** Of a text of signs alone, which may be a whole line of them. */
const SIGNS_CHARS_MAX = 40;
/** Distinct stems whose features are kept in memory; the cache is emptied when it is full. */
const CACHED_STEMS_MAX = 50_000;

/** Where one word lands: hashes of its features, which the number of dimensions cuts to places, and what each adds there. */
interface Features {
  hash: Uint32Array;
  value: Float32Array;
}

const cache = new Map<string, Features>();

/** FNV-1a over UTF-16 units with a final avalanche (murmur3's), since the low bits pick the dimension. */
function hash(text: string, start: number, end: number): number {
  let h = 0x811c9dc5;
  for (let i = start; i < end; i += 1) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

function features(word: string): Features {
  const known = cache.get(word);
  if (known !== undefined) return known;
  const padded = ` ${word} `;
  const spans: [number, number][] = [];
  for (const length of GRAM_LENGTHS) {
    for (let start = 0; start + length <= padded.length; start += 1) spans.push([start, start + length]);
  }
  // Long words are rare words: the cheapest stand-in for idf that needs no corpus.
  const informative = Math.min(1, 0.4 + 0.1 * word.length);
  const gram = spans.length === 0 ? 0 : (GRAM_SHARE * informative) / Math.sqrt(spans.length);
  const hashes = new Uint32Array(spans.length + 1);
  const value = new Float32Array(spans.length + 1);
  const put = (at: number, h: number, weight: number): void => {
    hashes[at] = h;
    value[at] = h & 0x80000000 ? -weight : weight;
  };
  put(0, hash(`=${word}`, 0, word.length + 1), informative);
  spans.forEach(([start, end], at) => {
    put(at + 1, hash(padded, start, end), gram);
  });
  const made = { hash: hashes, value };
  if (cache.size >= CACHED_STEMS_MAX) cache.clear();
  cache.set(word, made);
  return made;
}

/** One unit vector for each text, in order, of 384 dimensions or as many as are asked for; a blank text gives zeros. */
export function embedLexical(texts: readonly string[], dimensions = LEXICAL_DIMENSIONS): Float32Array[] {
  return texts.map((text) => embedOne(text, dimensions));
}

/** Without stopwords, unless there is nothing else; signs where there is no word. */
function wordsOf(text: string): string[] {
  const words = tokenise(text);
  const telling = words.filter((word) => !STOPWORDS.has(word));
  if (telling.length > 0) return telling;
  const signs = text.trim().slice(0, SIGNS_CHARS_MAX);
  return words.length > 0 || signs === "" ? words : [signs];
}

function embedOne(text: string, dimensions: number): Float32Array {
  const counts = new Map<string, number>();
  for (const word of wordsOf(text)) counts.set(word, (counts.get(word) ?? 0) + 1);
  const stems = new Map<string, number>();
  for (const [word, count] of counts) {
    const key = stem(word);
    stems.set(key, (stems.get(key) ?? 0) + count);
  }
  const vector = new Float32Array(dimensions);
  for (const [key, count] of stems) {
    const { hash: hashes, value } = features(key);
    const weight = 1 + Math.log(count);
    for (let i = 0; i < hashes.length; i += 1) {
      const at = (hashes[i] ?? 0) % dimensions;
      vector[at] = (vector[at] ?? 0) + weight * (value[i] ?? 0);
    }
  }
  let squared = 0;
  for (const x of vector) squared += x * x;
  if (squared > 0) {
    const scale = 1 / Math.sqrt(squared);
    for (let i = 0; i < vector.length; i += 1) vector[i] = (vector[i] ?? 0) * scale;
  }
  return vector;
}
