/** Stems of running text, fast enough to do for every candidate of a query within the CPU budget. */
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
  const words = tokenise(text);
  for (let i = 0; i < words.length; i += 1) words[i] = cachedStem(words[i] ?? "");
  return words;
}
