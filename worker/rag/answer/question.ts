/** A question made ready for looking its words up in texts. Pure. */

import { PARAPHRASE_SHARE, paraphrases } from "../text/paraphrases.ts";
import { queryTerms } from "../text/query.ts";
import { stems, termOf } from "../text/terms.ts";
import { tokenise } from "../text/words.ts";
import { type AnswerType, answerType, LIMIT_TOLD, valueForm } from "./answer-type.ts";
import { isFaint } from "./faint-words.ts";

/** What a question asks for, as sets that a text is compared with. */
export interface Question {
  /** Stem of each content word to its index. */
  terms: Map<string, number>;
  /** How much a term says about the subject, by index: `FAINT_WEIGHT`, `ASIDE_WEIGHT` or 1. */
  strengths: number[];
  /** Words of names and figures as typed, lower case, by index of their term: names are not inflected. */
  names: Map<number, string>;
  /** What a text must hold to name what the question names: first words of names, numbered names, and identifiers. */
  named: RegExp[];
  /** What says several terms in one word, by its stem: "email" those of "e-mail". */
  joined: Map<string, number[]>;
  /** Terms that another word may stand for, by its stem: "remove" for "delete". None that are names. */
  akin: Map<string, number[]>;
  /** First letters of all these: other words need no stemming to know that they do not match. */
  prefixes: Set<string>;
  /** All words, lower case. */
  said: Set<string>;
  /** Terms that follow one another, as `first * terms.size + second`. */
  pairs: Set<number>;
  type: AnswerType;
  /** How a sentence writes the value that is asked for, where that is known. */
  form: RegExp | undefined;
  /** Terms that ask for a limit: what is written in the form of one says them, whatever its words ("largest", "at most"). */
  extremes: number[];
  /** Terms of the case that it asks for: "… if the disk is full". */
  condition: number[];
}

/** What a text has of a question. */
export interface Matched {
  /** At the index of each term: 1 where the text has it, `PARAPHRASE_SHARE` where it has only a word that may stand for it, else 0. */
  has: Float64Array;
  /** As `Question.pairs`. */
  pairs: Set<number>;
}

/** Of a word that says how something is asked. */
const FAINT_WEIGHT = 0.4;

/**
 * What stands in brackets behind a question says what it is about, not what it asks; so a follow-up question is given the words that it
 * leaves out (`follow-up.ts`). "Where does it sleep? (ibex eat)" is not answered with what it eats.
 */
const ASIDE = /\(([^()]{1,200})\)\s*$/;
const ASIDE_WEIGHT = 0.7;
/** Of "When was version 2.1 released?" a changelog's heading says the number and the day, and no other word. */
const COMING_OUT: ReadonlySet<string> = new Set(
  "release publish come came out ship appear launch version".split(" ").map(termOf),
);

const EXTREMES: ReadonlySet<string> = new Set(
  "big large long small short high low maximum minimum largest biggest longest smallest shortest highest lowest"
    .split(" ")
    .map(termOf),
);

/** Stemming keeps the first two letters. */
const PREFIX_CHARS = 2;

/**
 * What a reader does not read as text: a question quoted in it (an example call, a list of test questions) repeats words
 * without answering them, and a link's address or a tag's attributes name things that the text does not speak of.
 */
const UNREAD =
  /["“][^"“”\n]{8,200}\?["”]|\]\([^()\s]{1,500}\)|https?:\/\/[^\s<>"'`)\]]{1,500}|<[a-z]{1,20}\s[^<>]{1,500}>/gi;
/** `bodyLimit` speaks of a body limit. */
const CAMEL_CASE = /\b[a-z]+\d*(?:[A-Z][a-z\d]+)+\b/g;
const CAMEL_JOINT = /(?<=[a-z\d])(?=[A-Z])/g;

/** Finds the question's terms, and pairs of them, in a text. */
export function matchQuestion(
  text: string,
  { terms, joined, akin, prefixes, names }: Pick<Question, "terms" | "joined" | "akin" | "prefixes" | "names">,
): Matched {
  const has = new Float64Array(terms.size);
  const pairs = new Set<number>();
  let last = -1;
  const read = text.replace(UNREAD, " ").replace(CAMEL_CASE, (name) => `${name} ${name.replace(CAMEL_JOINT, " ")}`);
  for (const word of tokenise(read)) {
    const key = prefixes.has(word.slice(0, PREFIX_CHARS)) ? termOf(word) : "";
    for (const part of joined.get(key) ?? []) has[part] = 1;
    for (const other of akin.get(key) ?? []) has[other] = Math.max(has[other] ?? 0, PARAPHRASE_SHARE);
    let term = terms.get(key) ?? -1;
    if (term >= 0 && !isName(word, names.get(term))) term = -1;
    if (term >= 0) {
      has[term] = 1;
      if (last >= 0) pairs.add(last * terms.size + term);
    }
    last = term;
  }
  return { has, pairs };
}

/** Whether `word` is the name, or its plural or singular; any word, where the term is no name. */
function isName(word: string, name: string | undefined): boolean {
  return name === undefined || word === name || word === `${name}s` || `${word}s` === name;
}

const FIGURE = /\d[\d,.]*/g;
/** Capitalised words that follow one another, not at the beginning of a sentence: one name, as far as spelling tells. */
const NAME = /(?<=[^\s.!?:…]\s+["'(]?)\p{Lu}[\p{L}\d'-]*(?:\s\p{Lu}[\p{L}\d'-]*)*/gu;
/** Only in English do capitals inside a sentence tell names: German writes all nouns with them. */
const ENGLISH = /\b(?:how|what|which|whose|whom?|why|when|where|can|could|does?|did|is|are|should|would|the|of|to)\b/i;
/** What texts write out, or say in other words: "RAM", "PDF", "OK". */
const ACRONYM = /^\p{Lu}{2,4}s?(?![\p{L}\d])/u;
/** Adjectives of places and beliefs: a text may name those by the noun. */
const ADJECTIVES: ReadonlySet<string> = new Set(
  `african american asian british buddhist catholic chinese christian dutch egyptian english european french german greek
   indian islamic italian japanese jewish muslim persian roman russian spanish turkish western eastern northern southern`.split(
    /\s+/,
  ),
);

/** "HTTP/3", "Python 2": without the number it is another thing. One with a point is a version, which tables give apart. */
const NUMBERED = /^(\p{Lu}[\p{L}-]*)[ /-]?(\d+)(?!\.?\w)/u;

/** Letters and a number in one piece, "KX-5", "HTTP/3": a name whatever stands around it. */
const HELD_TOGETHER = /^[^\s\d]+\d/u;

/** What makers call a model, behind their name: "Eaton 9PX", "Acme R3000h". Without it, it is another model. */
const MODEL = /^\p{Lu}[\p{L}-]* ((?:\d+\p{Lu}|\p{Lu}{1,4}\d)[\p{L}\d]*)(?![\p{L}\d.])/u;
/** Only of what came out, or changed, in a version must it be told itself: "Does it run with 3.1?" is answered by "3 and later". */
const OF_A_VERSION =
  /\b(?:released?|published|come out|came out|announced|new in|changed in|changes in|added in|removed in|fixed in)\b/i;
const VERSION_NUMBER = /(?<![\w.])v?(\d+(?:\.\d+)+)(?![\w.]*\w)/g;

/** Finds a name where no letter stands before it, and what must follow. */
function pattern(name: string, rest = ""): RegExp {
  return new RegExp(`(?<!\\p{L})${name.replace(/[$()*+.?[\\\]^{|}/]/g, "\\$&")}${rest}`, "iu");
}

/**
 * Names and figures of a question, and the first word of each name: without it, a text does not name the thing ("Google
 * Drive" is no drive). Where every word is capitalised, as in a headline, capitals tell nothing.
 */
function namesIn(query: string, terms: ReadonlyMap<string, number>): Pick<Question, "names" | "named"> {
  const figures = new Map<number, string>();
  const names = new Map<number, string>();
  const named: RegExp[] = [];
  const certain: RegExp[] = [];
  const add = (to: Map<number, string>, word: string): void => {
    const term = terms.get(termOf(word));
    if (term !== undefined) to.set(term, word);
  };
  for (const figure of query.match(FIGURE) ?? []) for (const word of tokenise(figure)) add(figures, word);
  for (const match of ENGLISH.test(query) ? query.matchAll(NAME) : []) {
    const [name] = match;
    const words = tokenise(name);
    for (const word of words) add(names, word);
    const first = /^[^\s'-]+/.exec(name)?.[0].toLowerCase() ?? "";
    if (terms.has(termOf(first)) && !ADJECTIVES.has(first) && !ACRONYM.test(name))
      named.push(pattern(first.replace(/s$/, "")));
    const [numbered = "", last, number] =
      NUMBERED.exec(query.slice(match.index).slice(name.lastIndexOf(" ") + 1)) ?? [];
    if (last !== undefined)
      (HELD_TOGETHER.test(numbered) ? certain : named).push(
        pattern(last.replace(/-+$/, ""), `[^\\p{L}\\d]{0,3}v?${number}(?!\\d)`),
      );
    const [, model] =
      MODEL.exec(query.slice(match.index).slice(name.search(/\S+(?:\s\S+)?$/))) ??
      MODEL.exec(query.slice(match.index)) ??
      [];
    if (model !== undefined) named.push(pattern(model));
  }
  const isHeadline = names.size > 1 && names.size === terms.size;
  return isHeadline
    ? { names: figures, named: certain }
    : { names: new Map([...names, ...figures]), named: [...named, ...certain] };
}

/** How things are spelt that have no other name: `code`, --flags, snake_case, camelCase, calls(), dotted.paths.of_three. */
const IDENTIFIER =
  /`([^`\n]{2,80})`|(?<![\w-])(--[a-z][\w.-]*\w)|\b([a-zA-Z]\w*_\w+|[a-z]+\d*[A-Z]\w*|\w+(?:\.\w+){2,})\b|\b([\w.]+)\(\)/g;

/**
 * Numbers of parts and of valves, and what machines count with: a letter or two before digits ("b77"), or both in turns ("9c4f01"). Longer
 * words with a number are mostly a product with its version ("python3"), and one with few digits inside stands for a word ("i18n").
 */
const DESIGNATION =
  /(?<![\p{L}\p{N}_./-])(?!v\d)(?:\p{Ll}{1,2}\d[\p{Ll}\d]*|\d+\p{Ll}+\d[\p{Ll}\d]*)(?![\p{L}\p{N}_/-])/gu;
/** What may stand between the letters and the digits of one ("B-77"). */
const SEPARATED = "[^\\p{L}\\d]?";
const ABBREVIATED = /^\p{L}\d{1,2}\p{L}+$/u;

/** Finds each designation of a question where it stands whole, however its letters and digits are held together ("B-77"). */
function designationsIn(query: string): RegExp[] {
  return [...query.matchAll(DESIGNATION)]
    .filter(([name]) => !ABBREVIATED.test(name))
    .map(
      ([name]) =>
        new RegExp(`(?<![\\p{L}\\d])${name.replaceAll(/(?<=\p{L})(?=\d)/gu, SEPARATED)}(?![\\p{L}\\d])`, "iu"),
    );
}

/** The identifiers of a question in lower case, without leading dashes, values and parentheses. */
function identifiersIn(query: string): string[] {
  return [...query.matchAll(IDENTIFIER)]
    .flatMap(([, ...groups]) => groups.find((group) => group !== undefined)?.split(/\s+/) ?? [])
    .map((part) =>
      part
        .toLowerCase()
        .replace(/=.*$|\(\)$/, "")
        .replace(/^-+/, ""),
    )
    .filter((part) => /[\p{L}\d]{2}/u.test(part));
}

/** The versions that a question asks about as such. */
function versionsIn(query: string): RegExp[] {
  if (!OF_A_VERSION.test(query)) return [];
  return Array.from(
    query.matchAll(VERSION_NUMBER),
    ([, version = ""]) => new RegExp(`(?<![\\d.])${version.replaceAll(".", "\\.")}(?!\\d)`),
  );
}

/** Terms behind an "if" or "when" that does not ask itself, and that follows what is asked. */
function conditionIn(query: string, terms: ReadonlyMap<string, number>): number[] {
  const clause = /\S\s+(?:if|when|unless|in case)\s(.{1,200})/i.exec(query)?.[1] ?? "";
  return [...new Set(tokenise(clause).flatMap((word) => terms.get(termOf(word)) ?? []))];
}

/** Reads a question. */
export function readQuestion(query: string): Question {
  const asked = queryTerms(query);
  const found = asked.filter(({ compound }) => !compound);
  const terms = new Map(found.map(({ stem: key }, index) => [key, index]));
  const joined = new Map(
    asked.flatMap(({ stem: key, surface, compound }) =>
      compound ? [[key, found.flatMap((part, index) => (surface.includes(part.surface) ? [index] : []))]] : [],
    ),
  );
  const { names, named } = namesIn(query, terms);
  const akin = new Map<string, number[]>();
  for (const [key, others] of paraphrases(stems(query))) {
    const term = terms.get(key);
    if (term === undefined || names.has(term)) continue;
    for (const other of others) akin.set(other, [...(akin.get(other) ?? []), term]);
  }
  const sought = [...asked.map(({ stem: key }) => key), ...akin.keys()];
  const prefixes = new Set(sought.map((key) => key.slice(0, PREFIX_CHARS)));
  const { pairs } = matchQuestion(query, { terms, joined, akin, prefixes, names });
  const measures = new Set(
    Array.from(query.matchAll(/\bhow (\p{L}+)/giu), ([, word]) => termOf(word?.toLowerCase() ?? "")),
  );
  const type = answerType(query);
  const form = valueForm(query);
  const saysLittle = (key: string): boolean =>
    isFaint(key) || measures.has(key) || (type === "date" && COMING_OUT.has(key));
  const asked_for = new Set(tokenise(query.replace(ASIDE, "")).map(termOf));
  const strengths = found.map(({ stem: key }) => {
    if (saysLittle(key)) return FAINT_WEIGHT;
    return asked_for.size === 0 || asked_for.has(key) ? 1 : ASIDE_WEIGHT;
  });
  return {
    terms,
    joined,
    akin,
    strengths,
    names,
    named: [
      ...named,
      ...identifiersIn(query).map((name) => pattern(name)),
      ...designationsIn(query),
      ...versionsIn(query),
    ],
    prefixes,
    said: new Set(tokenise(query)),
    pairs,
    type,
    form,
    extremes: form !== LIMIT_TOLD ? [] : found.flatMap(({ stem: key }, term) => (EXTREMES.has(key) ? [term] : [])),
    condition: conditionIn(query, terms),
  };
}
