/**
 * How likely each sentence of the retrieved chunks is to hold the answer. Pure; the optimiser spends tokens by it, the
 * extractive answerer quotes by it, and the evidence rule refuses by it.
 *
 * A conditional logit over all units of all hits: utility = weighted features, probability = softmax. The features
 * are the classic ones of answer-sentence selection: idf-weighted coverage of the question's words, adjacent words
 * kept adjacent, what the sentence before and the heading say, whether a thing of the asked type is there,
 * and the rank and score of the chunk. decisions/0004 says how the weights were found and checked.
 */

import type { Unit } from "../text/sentences.ts";
import { holdsType } from "./answer-type.ts";
import type { Question } from "./question.ts";
import { POINTS_BACK, type ReadHit } from "./reading.ts";

/** A unit of a hit with its chance. */
export interface ScoredUnit extends Unit {
  /** Index of the hit, 0 = best. */
  rank: number;
  /** Index of the unit within its hit. */
  position: number;
  /** Chance that the answer is in this unit rather than in another; all units sum to 1. */
  probability: number;
}

/** Weights of the logit: see decisions/0004. */
const WEIGHT = {
  coverage: 7,
  previous: 1,
  label: 2.5,
  antecedent: 0.7,
  adjacency: 1,
  answer_type: 1.7,
  form: 1.2,
  condition: 2.5,
  aside: -1,
  rank: -1.4,
  margin: 2,
  fused: 2,
} as const;
/**
 * A place further down counts against a chunk no more than its score is behind: among scores that hardly differ the order is chance. A
 * chunk whose score lags by a quarter of the best's is judged by its rank, as far as the third place.
 */
const RANK_PER_LAG = 4;
/**
 * Share of the likeliest chunk's probability that is spread evenly over its units: answers also stand in sentences
 * that share no word with the question, beside those that do.
 */
const SPREAD = 0.06;

/** "What happens if …" is answered by a sentence with the same condition. */
const CONDITION = /\b(?:if|when|unless|in case)\b/i;
/**
 * What a sentence with such a beginning says holds for other versions, is an instance of what was said before it, or stands
 * elsewhere.
 */
const ASIDE =
  /^\W{0,3}(?:<[^<>]{1,200}>\s*)*(?:for (?:instance|example)|e\.g\.|prior to|before version|in (?:older|earlier) versions|(?:with|in) [\w ]{1,30}(?:and|or) earlier|deprecated|see\b(?! how)|for (?:more|further|details|the full)|refer to|more (?:information|details))\b/i;

function sharedPairs(asked: ReadonlySet<number>, held: ReadonlySet<number>): number {
  let shared = 0;
  for (const pair of asked) if (held.has(pair)) shared++;
  return asked.size === 0 ? 0 : shared / asked.size;
}

/** 0..1: how much of the case that is asked for the unit states as one. */
function sharedCondition({ condition }: Question, { text, has }: ReadHit["units"][number]): number {
  if (condition.length === 0 || !CONDITION.test(text)) return 0;
  return condition.filter((term) => has[term] === 1).length / condition.length;
}

/**
 * Units of all hits in reading order, hit by hit. A term's idf is taken from these units: common here, common. Words that stand for it
 * tell how common it is only where none has itself.
 */
export function scoreUnits(question: Question, hits: readonly ReadHit[]): ScoredUnit[] {
  const all = hits.flatMap(({ units }) => units);
  const weights = question.strengths.map((strength, term) => {
    const said = all.filter(({ has }) => (has[term] ?? 0) > 0);
    const holders = said.filter(({ has }) => has[term] === 1).length || said.length;
    return holders === 0 ? 0 : strength * Math.log(1 + all.length / holders);
  });
  const total = weights.reduce((sum, weight) => sum + weight, 0) || 1;
  const share = (has: Float64Array, without?: Float64Array): number => {
    let sum = 0;
    for (let term = 0; term < weights.length; term++) {
      sum += Math.max(0, (has[term] ?? 0) - (without?.[term] ?? 0)) * (weights[term] ?? 0);
    }
    return sum / total;
  };
  const best = Math.max(hits[0]?.fused ?? 0, Number.EPSILON);
  const margin = 1 - Math.max(0, hits[1]?.fused ?? 0) / best;
  const scored = hits.flatMap(({ units, fused }, rank) =>
    units.map((unit, position) => {
      const { start, end, kind } = unit;
      const before = units[position - 1];
      const after = units[position + 1];
      const utility =
        WEIGHT.coverage * share(unit.has) +
        WEIGHT.previous * (before === undefined ? 0 : share(before.has, unit.has)) +
        WEIGHT.label * share(unit.above, unit.has) +
        WEIGHT.antecedent * (after !== undefined && POINTS_BACK.test(after.text) ? share(after.has, unit.has) : 0) +
        WEIGHT.adjacency * sharedPairs(question.pairs, unit.pairs) +
        WEIGHT.answer_type * (holdsType(question.type, unit.text, question.said) ? 1 : 0) +
        WEIGHT.form * (question.form?.test(unit.text) ? 1 : 0) +
        WEIGHT.condition * sharedCondition(question, unit) +
        WEIGHT.aside * (ASIDE.test(unit.text) ? 1 : 0) +
        WEIGHT.rank * Math.min(Math.log(1 + rank), RANK_PER_LAG * (1 - Math.max(0, fused) / best)) +
        WEIGHT.margin * (rank === 0 ? margin : 0) +
        WEIGHT.fused * (Math.max(0, fused) / best);
      return { start, end, kind, rank, position, utility };
    }),
  );
  return withProbabilities(scored);
}

function withProbabilities(scored: readonly (Omit<ScoredUnit, "probability"> & { utility: number })[]): ScoredUnit[] {
  const highest = scored.reduce((max, unit) => Math.max(max, unit.utility), Number.NEGATIVE_INFINITY);
  const odds = scored.map((unit) => Math.exp(unit.utility - highest));
  const total = odds.reduce((sum, value) => sum + value, 0);
  const chunks = new Map<number, { probability: number; units: number }>();
  scored.forEach(({ rank }, index) => {
    const { probability, units } = chunks.get(rank) ?? { probability: 0, units: 0 };
    chunks.set(rank, { probability: probability + (odds[index] ?? 0) / total, units: units + 1 });
  });
  const leader = Math.max(0, ...Array.from(chunks.values(), ({ probability }) => probability));
  return scored.map(({ utility: _, ...unit }, index) => {
    const probability = (odds[index] ?? 0) / total;
    const chunk = chunks.get(unit.rank);
    if (chunk === undefined || chunk.probability < leader) return { ...unit, probability };
    return { ...unit, probability: (1 - SPREAD) * probability + (SPREAD * leader) / chunk.units };
  });
}
