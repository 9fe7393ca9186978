/**
 * Whether retrieval found anything that could answer the question, decided from words alone, so that a question
 * outside the corpus is refused without a model call, and alike on every platform. Pure.
 *
 * What it cannot see: a paraphrase that shares no word with its answer. Where vectors took part in retrieval, leave
 * the refusal to the model.
 */
import type { Question } from "./question.ts";
import type { ReadHit } from "./reading.ts";

/**
 * Below this, nothing relevant was found. Chosen low, as a wrong refusal is final and a wrong pass is still judged by
 * the model: decisions/0004.
 */
export const EVIDENCE_MIN = 0.3;

/** Names and figures in a question pin down its subject: one that no text holds weighs more than another word. */
const NAME_WEIGHT = 1.5;
/** Weight of doubt added to every question: one word found of two says less than three of six. */
const DOUBT = 1;
/** A question of more words tells a story around what it asks, of which no text speaks. */
const USUAL_TERMS = 7;
/** How many texts a word counts as held by when none holds it: half of one, as is usual for unseen events. */
const UNSEEN = 0.5;

/**
 * 0..1: how much of the question the best of the retrieved `hits` speaks of. Each content word weighs by its
 * rarity among them (square root of its idf), most if none holds it, and short questions are doubted. Half of the score asks for the words anywhere
 * in one chunk, half for them within three sentences, of which `mayAnswer` holds for the middle one. Title and heading count
 * for every sentence. Raised for a question of more than `USUAL_TERMS` words, by the root of how many times more. 0 without words or hits, and when a thing that the question names is named by none of them.
 */
export function evidence(
  question: Question,
  hits: readonly ReadHit[],
  mayAnswer: (unit: ReadHit["units"][number]) => boolean = () => true,
): number {
  if (question.terms.size === 0 || hits.length === 0 || namesAbsentThing(question, hits)) return 0;
  const chunks = hits.map(({ label, units }) => {
    const sentences = units.map(({ has }) => has);
    return { label, units, sentences, whole: union([label, ...sentences]) };
  });
  const weights = Array.from(question.terms, ([, term]) => {
    const holders = chunks.filter(({ whole }) => whole[term] === 1).length;
    return (
      Math.sqrt(Math.log(1 + chunks.length / (holders || UNSEEN))) *
      (question.strengths[term] ?? 1) *
      (question.names.has(term) ? NAME_WEIGHT : 1)
    );
  });
  const total = weights.reduce((sum, weight) => sum + weight, DOUBT);
  const share = (has: Float64Array): number =>
    weights.reduce((sum, weight, term) => sum + weight * (has[term] ?? 0), 0) / total;
  const telling = Math.max(1, Math.sqrt(question.terms.size / USUAL_TERMS));
  const most = chunks.reduce((best, { label, units, sentences, whole }) => {
    const near = units.map((unit, at) =>
      mayAnswer(unit) ? share(union([label, ...sentences.slice(Math.max(0, at - 1), at + 2)])) : 0,
    );
    return Math.max(best, (share(whole) + Math.max(0, ...near)) / 2);
  }, 0);
  return Math.min(1, telling * most);
}

/** What no hit names, no hit speaks of: neither a name inside the question nor an identifier has another word for it. */
function namesAbsentThing({ named }: Question, hits: readonly ReadHit[]): boolean {
  return named.some((_, place) => !hits.some(({ names }) => names[place]));
}

function union(sets: readonly Float64Array[]): Float64Array {
  const has = new Float64Array(sets[0]?.length ?? 0);
  for (const set of sets) {
    for (let term = 0; term < has.length; term++) has[term] = Math.max(has[term] ?? 0, set[term] ?? 0);
  }
  return has;
}
