/**
 * From what a user typed to an FTS5 MATCH expression that is always valid, whatever was typed.
 *
 * Only letters and digits survive tokenising and every term is sent as a quoted FTS5 string, so no input can reach
 * the operators, column filters or NEAR of the query language. Pure.
 */
import { QUERY_TERMS_MAX } from "../../limits.ts";
import { indexTerm } from "./index-words.ts";
import { otherSpelling } from "./spelling.ts";
import { STOPWORDS } from "./stopwords.ts";
import { termOf } from "./terms.ts";
import { joinedCompounds, tokenise } from "./words.ts";

export interface QueryTerm {
  /** The word as typed, folded. FTS5 stems it itself. */
  surface: string;
  /** What the index holds for it. */
  stem: string;
  /** How often the query says it. */
  count: number;
  /** "email" of a query that says "e-mail": its parts find that spelling already, so only "email" itself is asked for. */
  compound: boolean;
}

/** Of "don't" and "they're" tokenising leaves "don" and "re", which are words of their own elsewhere: Don Quixote, a safe haven, the won. */
const CONTRACTED =
  /(?<![\p{L}\d])(?:(?:ai|are|ca|could|did|do|does|had|has|have|is|might|must|need|sha|should|was|were|wo|would)n['’]t|(?<=(?:they|we|you|who|what)['’])re)(?![\p{L}\d])/giu;

/**
 * The terms worth asking for, in the order they were typed, one for each stem. A query of nothing but stopwords
 * keeps them ("to be or not to be"). At most `QUERY_TERMS_MAX`: beyond that the most repeated words stay, then the
 * longest, a cheap stand-in for rarity that needs no look-up.
 */
export function queryTerms(query: string): QueryTerm[] {
  const words = tokenise(query);
  const content = tokenise(query.replace(CONTRACTED, " ")).filter((word) => !STOPWORDS.has(word));
  const compounds = new Set(joinedCompounds(query));
  const terms = new Map<string, QueryTerm>();
  for (const surface of content.length > 0 ? content : words) {
    const key = termOf(surface);
    const known = terms.get(key);
    if (known === undefined) terms.set(key, { surface, stem: key, count: 1, compound: compounds.has(surface) });
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

/** Chunks that hold at least one of the terms, of which there must be one. */
export function anyOf(terms: readonly Pick<QueryTerm, "surface" | "compound">[]): string {
  return terms
    .flatMap(({ surface, compound }) => {
      if (compound) return `{title heading text} : ${quoted(indexTerm(surface))}`;
      const other = otherSpelling(surface);
      return (other === undefined ? [surface] : [surface, other]).map((word) => quoted(indexTerm(word)));
    })
    .join(" OR ");
}
