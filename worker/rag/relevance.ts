/**
 * How likely each sentence of the retrieved chunks is to hold the answer. Pure; the optimiser spends tokens by it, the
 * extractive answerer quotes by it, and the evidence rule refuses by it.
 *
 * A conditional logit over all units of all hits: utility = weighted features, probability = softmax. The features
 * are the classic ones of answer-sentence selection: idf-weighted coverage of the question's words, adjacent words
 * kept adjacent, what the sentence before says (pronouns point back), whether a thing of the asked type is there,
 * and the rank and score of the chunk. decisions/0004 says how the weights were found and checked.
 */
import { type AnswerType, answerType, holdsType } from "./answer-type.ts";
import { queryTerms, tokenise } from "./query.ts";
import { type Unit, units } from "./sentences.ts";
import { stem } from "./stem.ts";

/** The part of a retrieval hit that is judged here. */
export interface ScorableHit {
  title: string;
  heading: string;
  text: string;
  /** `fused` compares hits of one list; higher is better. */
  scores: { fused: number };
}

/** A unit of a hit with what the question finds in it. */
export interface ScoredUnit extends Unit {
  /** Index of the hit, 0 = best. */
  rank: number;
  /** Index of the unit within its hit. */
  position: number;
  /** Share of the question's idf weight that the unit's own words cover, 0..1. */
  coverage: number;
  /** Chance that the answer is in this unit rather than in another; all units sum to 1. */
  probability: number;
}

/** Weights of the logit: see decisions/0004. */
const WEIGHT = {
  coverage: 6,
  previous: 1,
  antecedent: 0.7,
  adjacency: 1,
  answer_type: 1.7,
  rank: -1.4,
  margin: 2,
  fused: 2,
} as const;
/**
 * Share of a chunk's probability that is spread evenly over its units: answers also stand in sentences that share no
 * word with the question, beside those that do.
 */
const SPREAD = 0.05;

const POINTS_BACK = /^["“'(]?(?:he|she|it|they|this|these|those|that|such|his|her|its|their|here|there)\b/i;

interface Matched {
  /** For each question term, 1 where the text has it. */
  has: Uint8Array;
  /** Pairs of question terms that follow one another, as `first * terms + second`. */
  pairs: Set<number>;
}

/** The question, ready to be looked for. */
interface Question {
  terms: Map<string, number>;
  prefixes: Set<string>;
  said: Set<string>;
  pairs: Set<number>;
  type: AnswerType;
}

/** Stemming keeps the first two letters, so other words need not be stemmed to know that they do not match. */
const PREFIX_CHARS = 2;

function match(words: readonly string[], { terms, prefixes }: Pick<Question, "terms" | "prefixes">): Matched {
  const has = new Uint8Array(terms.size);
  const pairs = new Set<number>();
  let last = -1;
  for (const word of words) {
    const term = prefixes.has(word.slice(0, PREFIX_CHARS)) ? (terms.get(stem(word)) ?? -1) : -1;
    if (term >= 0) {
      has[term] = 1;
      if (last >= 0) pairs.add(last * terms.size + term);
    }
    last = term;
  }
  return { has, pairs };
}

function readQuestion(query: string): Question {
  const found = queryTerms(query);
  const terms = new Map(found.map(({ stem: key }, index) => [key, index]));
  const prefixes = new Set(found.map(({ stem: key }) => key.slice(0, PREFIX_CHARS)));
  const words = tokenise(query);
  const { pairs } = match(words, { terms, prefixes });
  return { terms, prefixes, said: new Set(words), pairs, type: answerType(query) };
}

function sharedPairs(asked: ReadonlySet<number>, held: ReadonlySet<number>): number {
  let shared = 0;
  for (const pair of asked) if (held.has(pair)) shared++;
  return asked.size === 0 ? 0 : shared / asked.size;
}

/** Units of all hits in reading order, hit by hit. A term's idf is taken from these units: common here, common. */
export function scoreUnits(query: string, hits: readonly ScorableHit[]): ScoredUnit[] {
  const question = readQuestion(query);
  const chunks = hits.map((hit, rank) =>
    units(hit.text).map((unit, position) => {
      const text = hit.text.slice(unit.start, unit.end);
      return { ...unit, rank, position, text, ...match(tokenise(text), question) };
    }),
  );
  const all = chunks.flat();
  const weights = Array.from(question.terms.values(), (term) => {
    const holders = all.reduce((count, unit) => count + (unit.has[term] ?? 0), 0);
    return holders === 0 ? 0 : Math.log(1 + all.length / holders);
  });
  const total = weights.reduce((sum, weight) => sum + weight, 0) || 1;
  const share = (has: Uint8Array, without?: Uint8Array): number => {
    let sum = 0;
    for (let term = 0; term < weights.length; term++) {
      if (has[term] === 1 && without?.[term] !== 1) sum += weights[term] ?? 0;
    }
    return sum / total;
  };
  const best = Math.max(hits[0]?.scores.fused ?? 0, Number.EPSILON);
  const margin = 1 - Math.max(0, hits[1]?.scores.fused ?? 0) / best;
  const scored = chunks.flatMap((chunk) =>
    chunk.map((unit, position) => {
      const { start, end, kind, rank } = unit;
      const before = chunk[position - 1];
      const after = chunk[position + 1];
      const coverage = share(unit.has);
      const utility =
        WEIGHT.coverage * coverage +
        WEIGHT.previous * (before === undefined ? 0 : share(before.has, unit.has)) +
        WEIGHT.antecedent * (after !== undefined && POINTS_BACK.test(after.text) ? share(after.has, unit.has) : 0) +
        WEIGHT.adjacency * sharedPairs(question.pairs, unit.pairs) +
        WEIGHT.answer_type * (holdsType(question.type, unit.text, question.said) ? 1 : 0) +
        WEIGHT.rank * Math.log(1 + rank) +
        WEIGHT.margin * (rank === 0 ? margin : 0) +
        WEIGHT.fused * (Math.max(0, hits[rank]?.scores.fused ?? 0) / best);
      return { start, end, kind, rank, position, coverage, utility };
    }),
  );
  return withProbabilities(scored);
}

function withProbabilities(scored: readonly (Omit<ScoredUnit, "probability"> & { utility: number })[]): ScoredUnit[] {
  const highest = scored.reduce((max, unit) => Math.max(max, unit.utility), Number.NEGATIVE_INFINITY);
  const odds = scored.map((unit) => Math.exp(unit.utility - highest));
  const total = odds.reduce((sum, value) => sum + value, 0);
  const chunks = new Map<number, { odds: number; units: number }>();
  scored.forEach((unit, index) => {
    const chunk = chunks.get(unit.rank) ?? { odds: 0, units: 0 };
    chunks.set(unit.rank, { odds: chunk.odds + (odds[index] ?? 0), units: chunk.units + 1 });
  });
  return scored.map(({ utility: _, ...unit }, index) => {
    const chunk = chunks.get(unit.rank) ?? { odds: 0, units: 1 };
    const probability = ((1 - SPREAD) * (odds[index] ?? 0) + (SPREAD * chunk.odds) / chunk.units) / total;
    return { ...unit, probability };
  });
}
