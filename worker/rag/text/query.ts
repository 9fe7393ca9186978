/**
 * From what a user typed to an FTS5 MATCH expression that is always valid, whatever was typed.
 *
 * Only letters and digits survive tokenising and every term is sent as a quoted FTS5 string, so no input can reach
 * the operators, column filters or NEAR of the query language. Pure.
 */
import { QUERY_TERMS_MAX } from "../../limits.ts";
import { stem } from "./stem.ts";
import { STOPWORDS } from "./stopwords.ts";

export interface QueryTerm {
  /** The word as typed, folded to lower case without diacritics. FTS5 stems it itself. */
  surface: string;
  /** What the index holds for it. */
  stem: string;
  /** How often the query says it. */
  count: number;
}

/** A text in lower case without diacritics, as FTS5's `unicode61 remove_diacritics 2` compares it. */
export function fold(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the range is the definition of ASCII
  if (/^[\x00-\x7f]*$/.test(text)) return text.toLowerCase();
  return text
    .normalize("NFD")
    .replace(/\p{M}+/gu, "")
    .toLowerCase();
}

/** The words of a text as that tokenizer sees them: runs of letters and digits, folded. */
export function tokenise(text: string): string[] {
  return fold(text).match(/[\p{L}\p{N}]+/gu) ?? [];
}

/**
 * The terms worth asking for, in the order they were typed, one for each stem. A query of nothing but stopwords
 * keeps them ("to be or not to be"). At most `QUERY_TERMS_MAX`: beyond that the most repeated words stay, then the
 * longest, a cheap stand-in for rarity that needs no look-up.
 */
export function queryTerms(query: string): QueryTerm[] {
  const words = tokenise(query);
  const content = words.filter((word) => !STOPWORDS.has(word));
  const terms = new Map<string, QueryTerm>();
  for (const surface of content.length > 0 ? content : words) {
    const key = stem(surface);
    const known = terms.get(key);
    if (known === undefined) terms.set(key, { surface, stem: key, count: 1 });
    else known.count += 1;
  }
  const all = [...terms.values()];
  if (all.length <= QUERY_TERMS_MAX) return all;
  const kept = new Set(
    all.toSorted((a, b) => b.count - a.count || b.stem.length - a.stem.length).slice(0, QUERY_TERMS_MAX),
  );
  return all.filter((term) => kept.has(term));
}

/** An FTS5 string: nothing inside double quotes is an operator. */
export const quoted = (text: string): string => `"${text.replaceAll('"', '""')}"`;

/** Chunks that hold at least one of the words. `words` must not be empty. */
export function anyOf(words: readonly string[]): string {
  return words.map(quoted).join(" OR ");
}
