/**
 * Stands in for a chat model on this machine: quotes the sentences of the prompt's passages that answer the question
 * best, each with its citation, or says that they do not. Pure and deterministic; it follows no instruction, so none
 * can be injected. Its answers are quotations: it neither combines nor rephrases.
 */
import { holdsType } from "../../worker/rag/answer/answer-type.ts";
import { evidence } from "../../worker/rag/answer/evidence.ts";
import { NOT_FOUND, parsePrompt } from "../../worker/rag/answer/prompt.ts";
import { type Question, readQuestion } from "../../worker/rag/answer/question.ts";
import { readHit } from "../../worker/rag/answer/reading.ts";
import { POINTS_BACK, scoreUnits } from "../../worker/rag/answer/relevance.ts";
import {
  HOW_TO,
  markFirstSentences,
  NONE,
  OUTPUT,
  type QuotableUnit,
  REASON,
  suits,
  WHY,
  wanted,
} from "./question-form.ts";
import { quotations } from "./quotations.ts";

/** What the answerer says, and how sure it was: `evidence` is 0..1 over the passages of the prompt. */
interface ExtractiveAnswer {
  text: string;
  evidence: number;
}

/**
 * Below this evidence in the passages the answer is NOT_FOUND. Higher than the Worker's own limit, since nothing
 * judges after this.
 */
const ANSWER_EVIDENCE_MIN = 0.36;
/** A second sentence is quoted when it is at least this likely, compared with the best, to hold the answer. */
const SECOND_SHARE = 0.5;
/** The same where the best does not hold what is asked for, and the second does. */
const NEEDED_SHARE = 0.1;

/**
 * Answers the question of a prompt that `renderMessages` wrote. Messages that are no such prompt get NOT_FOUND: there
 * is nothing to quote.
 */
export function answerExtractively(messages: readonly { role: string; content: string }[]): ExtractiveAnswer {
  const prompt = parsePrompt(messages);
  if (prompt === undefined || prompt.passages.length === 0) return { text: NOT_FOUND, evidence: 0 };
  // The order of the passages is all that a prompt tells of retrieval's scores.
  const question = readQuestion(prompt.question);
  const hits = prompt.passages.map(({ label, text }, rank) =>
    readHit(question, { title: label, heading: "", text, scores: { fused: 1 / (1 + rank) } }),
  );
  const found = evidence(question, hits);
  if (found < ANSWER_EVIDENCE_MIN) return { text: NOT_FOUND, evidence: found };
  const units = scoreUnits(question, hits).map((unit) => {
    const read = hits[unit.rank]?.units[unit.position];
    return { ...unit, text: read?.text.trim() ?? "", has: read?.has ?? NONE, opens: NONE };
  });
  markFirstSentences(units);
  const scored = units.map((unit) => ({
    ...unit,
    probability: unit.probability * suits(prompt.question, question, unit),
  }));
  const quoted = choose(prompt.question, question, scored);
  if (quoted.length === 0) return { text: NOT_FOUND, evidence: found };
  return { text: quotations(question, quoted, (rank) => prompt.passages[rank]?.mark ?? 0), evidence: found };
}

/** A sentence that begins like this goes on from the one before. */
const GOES_ON =
  /^(?:therefore|however|thus|hence|consequently|otherwise|instead|but|so|also|then|conversely|similarly|likewise|in that case|in this case|for (?:instance|example)|to do (?:so|that|this))\b/i;
/** So far back a chain of such sentences is followed. */
const BACK_MAX = 2;
/** Another way, or the next step, of what was just told. */
const GOES_FORTH = /^(?:\(?or\b|alternatively|then|next|finally|after(?:wards?| that)|now|and then)/i;
/** A list is quoted to its end, up to this many items. */
const ITEMS_MAX = 12;
/** So far behind the sentence that speaks of a task its steps may begin. */
const STEPS_WITHIN = 5;
/** So many further steps, or other ways, are quoted along. */
const MORE_MAX = 2;
/** Of these types an answer holds one, or is none. ("When" may be answered by a version or an event.) */
const VALUES: ReadonlySet<string> = new Set(["number", "time", "version"]);

/**
 * What is quoted, in reading order: the likeliest unit with what belongs to it, and a rival nearly as likely. Empty where what is
 * asked for stands nowhere.
 */
function choose(asked: string, question: Question, scored: readonly QuotableUnit[]): QuotableUnit[] {
  const isHowTo = HOW_TO.test(asked);
  const ranked = scored.filter(({ probability }) => probability > 0).sort((a, b) => b.probability - a.probability);
  const holds = ({ text }: QuotableUnit): boolean => holdsType(question.type, text, question.said);
  const isValue = VALUES.has(question.type);
  const answers = (units: readonly QuotableUnit[]): boolean =>
    (!isValue && question.type !== "date") || units.some(holds);
  const [best] = ranked;
  if (best === undefined) return [];
  const around = (unit: QuotableUnit): QuotableUnit[] =>
    belonging(
      unit,
      scored.filter(({ rank }) => rank === unit.rank),
      isHowTo,
      WHY.test(asked),
      wanted(asked, question),
    );
  const quoted = around(best);
  const rival = ranked.find((unit) => !quoted.includes(unit) && (answers(quoted) || answers(around(unit))));
  const isNear = rival !== undefined && rival.probability >= SECOND_SHARE * best.probability;
  const isNeeded = rival !== undefined && !answers(quoted);
  if (isNeeded && rival.probability >= NEEDED_SHARE * best.probability) quoted.push(...around(rival));
  else if (isNear && quoted.length === 1) quoted.push(...(isHowTo ? around(rival) : [rival]));
  return !isValue || answers(quoted)
    ? [...new Set(quoted)].sort((a, b) => a.rank - b.rank || a.position - b.position)
    : [];
}

/**
 * The unit with what belongs to it in its passage (`units`): what it points back to, the sentence that announces it, the block or
 * list that it announces, the other steps of its list; for a how-to the steps that follow; for a value the sentence beside it
 * that holds it.
 */
function belonging(
  unit: QuotableUnit,
  units: readonly QuotableUnit[],
  isHowTo: boolean,
  isWhy: boolean,
  value: ReturnType<typeof wanted>,
): QuotableUnit[] {
  const at = units.indexOf(unit);
  let [from, to] = [at, at];
  const isList = unit.kind === "item" && (isHowTo || /^\d+[.)]/.test(unit.text));
  if (isList) {
    while (units[from - 1]?.kind === "item" && at - from < ITEMS_MAX) from--;
    while (units[to + 1]?.kind === "item" && to - at < ITEMS_MAX) to++;
  }
  const announces = (place: number): boolean =>
    units[place]?.kind !== "code" && (units[place]?.text.endsWith(":") ?? false);
  if ((unit.kind !== "prose" && unit.kind !== "item") || isList) {
    if (units[from - 1]?.kind === "prose" && announces(from - 1)) from--;
  }
  for (let back = 0; back < BACK_MAX && goesOn(units[from]) && units[from - 1]?.kind === "prose"; back++) from--;
  const block = (place: number): number => {
    let end = place;
    if (units[place]?.kind === "item") while (units[end + 1]?.kind === "item" && end - place < ITEMS_MAX) end++;
    return end;
  };
  const isStep = (place: number): boolean =>
    units[place]?.kind === "item" || (units[place]?.kind === "code" && !OUTPUT.test(units[place]?.text ?? ""));
  /** The end of the first block or list of steps behind `place`, in the same section and not far. */
  const stepsBehind = (place: number): number | undefined => {
    for (let next = place + 1; next <= place + STEPS_WITHIN; next++) {
      if (units[next] === undefined || units[next]?.kind === "heading") return undefined;
      if (units[next]?.kind === "code" || units[next]?.kind === "item") return block(next);
    }
    return undefined;
  };
  if (announces(to) && units[to + 1] !== undefined && units[to + 1]?.kind !== "heading") to = block(to + 1);
  if (isHowTo) {
    if (!units.slice(from, to + 1).some((_, offset) => isStep(from + offset))) to = stepsBehind(to) ?? to;
    for (let more = 0; more < MORE_MAX && GOES_FORTH.test(units[to + 1]?.text ?? ""); more++) {
      const end = stepsBehind(to);
      if (end === undefined) break;
      to = end;
    }
  }
  const span = units.slice(from, to + 1);
  if (value !== undefined && !span.some(value.holds)) {
    const isThere = (place: number): boolean => {
      const other = units[place];
      return other !== undefined && other.kind !== "heading" && value.holds(other);
    };
    const section = [from, to].map((edge, side) => sectionEdge(units, edge, side === 0 ? -1 : 1)) as [number, number];
    for (let step = 1; step <= value.within; step++) {
      if (to + step <= section[1] && isThere(to + step)) return [...span, units[to + step] as QuotableUnit];
      if (from - step >= section[0] && isThere(from - step)) return [units[from - step] as QuotableUnit, ...span];
    }
  }
  if (isWhy && !span.some(({ text }) => REASON.test(text))) {
    if (units[from - 1]?.kind === "prose") from--;
    if (units[to + 1]?.kind === "prose") to++;
    return units.slice(from, to + 1);
  }
  return span;
}

/** The last place of the section in that direction. */
function sectionEdge(units: readonly QuotableUnit[], from: number, step: 1 | -1): number {
  let edge = from;
  while (units[edge + step] !== undefined && units[edge + step]?.kind !== "heading") edge += step;
  return edge;
}

function goesOn(unit: QuotableUnit | undefined): boolean {
  return unit?.kind === "prose" && (POINTS_BACK.test(unit.text) || GOES_ON.test(unit.text));
}
