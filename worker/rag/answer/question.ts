/** A question made ready for looking its words up in texts. Pure. */

import { queryTerms } from "../text/query.ts";
import { stem } from "../text/stem.ts";
import { tokenise } from "../text/words.ts";
import { type AnswerType, answerType } from "./answer-type.ts";

/** What a question asks for, as sets that a text is compared with. */
export interface Question {
  /** Stem of each content word to its index. */
  terms: Map<string, number>;
  /** How much a term says about the subject, by index: `FAINT_WEIGHT` or 1. */
  strengths: number[];
  /** Words of names and figures as typed, lower case, by index of their term: names are not inflected. */
  names: Map<number, string>;
  /** First letters of the terms: other words need no stemming to know that they do not match. */
  prefixes: Set<string>;
  /** All words, lower case. */
  said: Set<string>;
  /** Terms that follow one another, as `first * terms.size + second`. */
  pairs: Set<number>;
  type: AnswerType;
}

/** What a text has of a question. */
export interface Matched {
  /** 1 at the index of each term that the text has. */
  has: Uint8Array;
  /** As `Question.pairs`. */
  pairs: Set<number>;
}

/**
 * Words that say what is asked for ("the name of", "what type") or how ("during", "most") rather than about what:
 * that a sentence holds them tells little.
 */
const FAINT: ReadonlySet<string> = new Set(
  `name named call called term word phrase type kind sort form example number amount year date day time person people
   place thing use used known know describe described consider considered happen happened refer referred
   above across after again against all almost along already always among another anyone anything around became because
   become before below between both cannot down during each either else ever every few first further however instead
   itself just like made make many more most much neither nor off often once one only other others out over own per
   perhaps rather same since something still such though through together too toward towards under until up upon very
   via while within without yet new two`
    .split(/\s+/)
    .map(stem),
);
const FAINT_WEIGHT = 0.4;

/** Stemming keeps the first two letters. */
const PREFIX_CHARS = 2;

/** A question quoted in a text (an example call, a list of test questions) repeats words without answering them. */
const QUOTED_QUESTION = /["“][^"“”\n]{8,200}\?["”]/g;

/** Finds the question's terms, and pairs of them, in a text. */
export function matchQuestion(
  text: string,
  { terms, prefixes, names }: Pick<Question, "terms" | "prefixes" | "names">,
): Matched {
  const has = new Uint8Array(terms.size);
  const pairs = new Set<number>();
  let last = -1;
  for (const word of tokenise(text.replace(QUOTED_QUESTION, " "))) {
    let term = prefixes.has(word.slice(0, PREFIX_CHARS)) ? (terms.get(stem(word)) ?? -1) : -1;
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

// Capitalised words inside the sentence, and figures.
const NAME = /(?<=\S\s+["'(]?)\p{Lu}[\p{L}\d'-]*|\d[\d,.]*/gu;

/** Reads a question. */
export function readQuestion(query: string): Question {
  const found = queryTerms(query);
  const terms = new Map(found.map(({ stem: key }, index) => [key, index]));
  const prefixes = new Set(found.map(({ stem: key }) => key.slice(0, PREFIX_CHARS)));
  const names = new Map<number, string>();
  for (const word of (query.match(NAME) ?? []).flatMap(tokenise)) {
    const term = terms.get(stem(word));
    if (term !== undefined) names.set(term, word);
  }
  const { pairs } = matchQuestion(query, { terms, prefixes, names });
  const strengths = found.map(({ stem: key }) => (FAINT.has(key) ? FAINT_WEIGHT : 1));
  return { terms, strengths, names, prefixes, said: new Set(tokenise(query)), pairs, type: answerType(query) };
}
