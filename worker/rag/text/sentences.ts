/**
 * Cuts a chunk into units that may be kept or dropped on their own: sentences of prose (long ones: clauses), and, never divided, code
 * blocks, tables, list items and headings. Pure; the units tile the text without gap or overlap, so joined they are
 * the text.
 */
import { containerParts } from "./container-parts.ts";
import { type Block, scanMarkdown } from "./markdown-blocks.ts";

/** What a unit is; only `prose` was cut at sentence ends. Front matter counts as `heading`: it names what follows. */
type UnitKind = "prose" | "item" | "code" | "table" | "heading";

/** `text.slice(start, end)`, white space after the unit included. Offsets in UTF-16 code units. */
export interface Unit {
  start: number;
  end: number;
  kind: UnitKind;
}

/** Abbreviations that a sentence rarely ends with, lower case without the final period. */
const ABBREVIATIONS: ReadonlySet<string> = new Set(
  `mr mrs ms dr prof rev hon st jr gen col lt sgt capt cmdr adm gov sen rep pres messrs mt ft
   vs etc cf al ca approx resp incl excl eg ie viz no nos vol vols ed eds fig figs eq eqs sec secs ch chap art para pp
   inc ltd co corp dept univ assn bros ave blvd
   jan feb mar apr jun jul aug sep sept oct nov dec`.split(/\s+/),
);
const ABBREVIATION_CHARS_MAX = 12;

// Terminators with closing quotes, brackets and footnote marks, then white space; or CJK stops, which need none.
const SENTENCE_END = /[.!?…]{1,8}["'”’»)\]*_]{0,4}(?=\s)|[。！？]{1,8}[」』”’）]{0,4}/g;
/** Longer sentences are cut at clauses: nobody reads 400 characters for the 40 that answer. */
const LONG_SENTENCE_CHARS = 300;
const CLAUSE_CHARS_MIN = 60;
const CLAUSE_END =
  /[;:]\s+|\s[–—]\s|,\s+(?=(?:and|but|or|which|who|where|while|although|because|with|as|so|after|when|including|such)\b)/g;
const CONTINUES = /^\s{0,8}[\p{Ll},;:)\]]/u;
const INITIAL = /^\p{Lu}$/u;
/** No name begins like this: the letter before it ended a sentence, as a unit or a label does ("2200 W. The", "plan B. It"). */
const NO_NAME =
  /^\.\s+(?:The|It|Its|This|These|Those|That|There|They|He|She|We|You|If|When|While|In|On|At|For|From|To|As|But|And|Or|Not|Do|What|How|Each|All|No)\s/;
const DOTTED = /^(?:\p{L}\.)+\p{L}$/u;

/** Whether the period at `dot` belongs to an abbreviation or initial: "Dr.", "J.", "U.S.". */
function isAbbreviation(text: string, from: number, dot: number): boolean {
  let start = dot;
  while (start > from && dot - start < ABBREVIATION_CHARS_MAX && !/[\s("'“‘[]/.test(text.charAt(start - 1))) start--;
  const word = text.slice(start, dot);
  if (INITIAL.test(word)) return !NO_NAME.test(text.slice(dot, dot + 12));
  return DOTTED.test(word) || ABBREVIATIONS.has(word.toLowerCase());
}

function sentences(text: string, { start, end }: Block, add: (kind: UnitKind, end: number) => void): void {
  const prose = text.slice(start, end);
  let from = 0;
  for (const match of prose.matchAll(SENTENCE_END)) {
    const stop = match.index + match[0].length;
    if (match[0] === "." && isAbbreviation(prose, from, match.index)) continue;
    if (CONTINUES.test(prose.slice(stop, stop + 9))) continue;
    let next = stop;
    while (next < prose.length && /\s/.test(prose.charAt(next))) next++;
    if (next === prose.length) break;
    clauses(prose, from, next, (at) => add("prose", start + at));
    from = next;
  }
  clauses(prose, from, prose.length, (at) => add("prose", start + at));
}

/** Calls `cut` with the end of each clause of the sentence `[from, to)`, the last one being `to`. */
function clauses(prose: string, from: number, to: number, cut: (end: number) => void): void {
  if (to - from > LONG_SENTENCE_CHARS) {
    let last = from;
    for (const match of prose.slice(from, to).matchAll(CLAUSE_END)) {
      const end = from + match.index + match[0].length;
      if (end - last < CLAUSE_CHARS_MIN || to - end < CLAUSE_CHARS_MIN) continue;
      cut(end);
      last = end;
    }
  }
  cut(to);
}

/**
 * The end of a code block that began before the text does, as in a chunk cut from a long one; 0 where none did. Its closing
 * fence is the odd one of the fences, has no language, and no code right behind it.
 */
function openCodeEnd(text: string): number {
  const fences = [...text.matchAll(/^ {0,3}(?:`{3,}|~{3,})([^`\n]*)(?:\n|$)/gm)];
  const [first] = fences;
  const last = fences.at(-1);
  if (first === undefined || fences.length % 2 === 0 || first[1]?.trim() !== "") return 0;
  if (first !== last && last?.[1]?.trim() !== "") return 0;
  const end = first.index + first[0].length;
  return /^[ \t]*(?:\n|$)/.test(text.slice(end, end + 200)) ? end : 0;
}

/** The units of `text` in order; an empty text has none. */
export function units(text: string): Unit[] {
  const begun = openCodeEnd(text);
  if (begun > 0) {
    const rest = units(text.slice(begun)).map((unit) => ({
      ...unit,
      start: unit.start + begun,
      end: unit.end + begun,
    }));
    return [{ start: 0, end: begun, kind: "code" }, ...rest];
  }
  const found: Unit[] = [];
  const add = (kind: UnitKind, end: number): void => {
    found.push({ start: found.at(-1)?.end ?? 0, end, kind });
  };
  const addBlock = (block: Block): void => {
    if (block.kind === "heading" || block.kind === "code" || block.kind === "table") add(block.kind, block.end);
    else if (block.kind === "front-matter") add("heading", block.end);
    // A chunk may begin in the middle of a table, where no delimiter row tells that it is one.
    else if (text.charAt(block.start) === "|") add("table", block.end);
    else sentences(text, block, add);
  };
  for (const block of scanMarkdown(text)) {
    if (block.kind !== "list" && block.kind !== "quote") addBlock(block);
    else {
      for (const part of containerParts(text, block)) {
        if (part.kind === "code" || part.kind === "table" || block.kind === "quote") addBlock(part);
        else add("item", part.end);
      }
    }
  }
  return found;
}
