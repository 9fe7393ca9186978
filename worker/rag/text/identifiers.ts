/**
 * Names in source code: found whole, by their parts, and before all where they are declared. Pure.
 *
 * `unicode61` keeps `normaliseText` in one piece and cuts `max_tokens` in two. So a chunk of code holds, beside its text, the
 * parts of the one, the whole of the other, and a term of its own for each name that its heading declares: rare whatever the name
 * is, so that the declaration is among the candidates however often the name is used.
 */
import { indexTerm, indexWords } from "./index-words.ts";
import { nameKey } from "./words.ts";

/** Longer runs are data, not names. */
const NAME_CHARS_MAX = 80;
const WORD = "[\\p{L}\\p{N}_$]";
const BEGIN = "[\\p{L}_$]";
const NAME_PATTERN = `(?<!${WORD})${BEGIN}${WORD}{0,${NAME_CHARS_MAX - 1}}(?!${WORD})`;
/** Most code is ASCII, where the same takes half the time: every candidate of a search passes here. */
const ASCII_NAME = /[A-Za-z_$][A-Za-z0-9_$]*/g;
const ANY_NAME = new RegExp(`${BEGIN}${WORD}*`, "gu");
// biome-ignore lint/suspicious/noControlCharactersInRegex: the range is the definition of ASCII
const NON_ASCII = /[^\x00-\x7F]/;
const ASCII_COMPOUND = /[a-z0-9][A-Z]|[A-Z]{2}[a-z]|[_$]/;
const ANY_COMPOUND = /[\p{Ll}\p{N}]\p{Lu}|\p{Lu}{2}\p{Ll}|[_$]/u;
/** A name with those that it belongs to, and what shows a call: `Packer.add()`. */
const QUALIFIED_NAME = new RegExp(`${NAME_PATTERN}(?:(?:\\.|::|#)${NAME_PATTERN}){0,4}(?:\\(\\))?`, "gu");
/** "maxTokens", "XMLReader": a capital after a small letter or digit, and the last capital of several before a small one. */
const HUMP = /(?<=[\p{Ll}\p{N}])(?=\p{Lu})|(?<=\p{Lu})(?=\p{Lu}\p{Ll})/u;
const UNDERSCORES = /[_$]+/;
/** What no one writes but as a name: humps, underscores inside, members, calls. */
const LOOKS_LIKE_NAME = /[\p{Ll}\p{N}]\p{Lu}|[\p{L}\p{N}]_|[.:#(]/u;
/** A query of more words is a question, of which only what is written like a name is one. */
const NAME_WORDS_MAX = 8;
const ASKED_NAMES_MAX = 8;

/** Between the names that a chunk declares, in its heading. */
export const SYMBOL_SEPARATOR = ", ";
/** After the name of a declaration that an earlier chunk begins. */
export const CONTINUED = " …";

/**
 * The words of every compound name in a text, each name once: "normalise Text" of `normaliseText`, "maxtokens" of `max_tokens`,
 * whose parts full text finds by itself.
 */
export function identifierWords(text: string): string {
  const words: string[] = [];
  const [names, compound] = NON_ASCII.test(text) ? [ANY_NAME, ANY_COMPOUND] : [ASCII_NAME, ASCII_COMPOUND];
  for (const name of new Set(text.match(names))) {
    if (name.length > NAME_CHARS_MAX || !compound.test(name)) continue;
    const underscored = name.split(UNDERSCORES).filter((part) => part !== "");
    const parts = nameParts(name);
    if (parts.length > underscored.length) words.push(...parts);
    if (underscored.length > 1) words.push(underscored.join(""));
  }
  return words.join(" ");
}

/** "normalise", "Text" of `normaliseText`; "max", "tokens" of `max_tokens`. */
export function nameParts(name: string): string[] {
  return name.split(UNDERSCORES).flatMap((part) => (part === "" ? [] : part.split(HUMP)));
}

/** `indexWords` for a chunk of code: with the words of its names, and a term for each that it declares. */
export function codeIndexWords(title: string, heading: string, text: string): string {
  const words = identifierWords(`${title}\n${heading}\n${text}`).split(" ").map(nameKey);
  return [
    indexWords(title, heading, text),
    ...words.filter((word) => word !== "").map(indexTerm),
    ...Array.from(declaredNames(heading).keys(), declarationTerm),
  ].join(" ");
}

/** Names as they are spelled, by their keys. */
export type Names = ReadonlyMap<string, string>;

/** Each declared name of a heading, as its last part and with what it belongs to: "add" and "packeradd" of `Packer.add`. */
export function declaredNames(heading: string): Names {
  const names = new Map<string, string>();
  for (const symbol of heading.split(SYMBOL_SEPARATOR)) {
    if (symbol.endsWith(CONTINUED)) continue;
    const parts = symbol.split(".");
    for (let from = 0; from < parts.length; from += 1) addName(names, parts.slice(from).join("."));
  }
  return names;
}

/** The names that a query may ask for: the whole of a short one ("normalise text"), and what is written like a name. */
export function askedNames(query: string): Names {
  const names = new Map<string, string>();
  if (query.length <= NAME_CHARS_MAX && query.trim().split(/\s+/).length <= NAME_WORDS_MAX)
    addName(names, query.trim());
  for (const [name] of query.matchAll(QUALIFIED_NAME)) {
    if (names.size >= ASKED_NAMES_MAX) break;
    if (LOOKS_LIKE_NAME.test(name)) for (const part of [name, name.split(/[.:#]/).at(-1)]) addName(names, part ?? "");
  }
  return names;
}

function addName(names: Map<string, string>, name: string): void {
  const key = nameKey(name);
  if (key !== "" && !names.has(key)) names.set(key, name);
}

/** How the index spells that a chunk declares a name. The closing zero keeps Porter's stemmer away. */
export function declarationTerm(name: string): string {
  return indexTerm(`declares${name}0`);
}
