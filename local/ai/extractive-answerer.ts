/**
 * Stands in for a chat model on this machine: quotes the sentences of the prompt's passages that answer the question
 * best, each with its citation, or says that they do not. Pure and deterministic; it follows no instruction, so none
 * can be injected. Its answers are quotations: it neither combines nor rephrases.
 */
import { holdsType } from "../../worker/rag/answer/answer-type.ts";
import { evidence } from "../../worker/rag/answer/evidence.ts";
import { NOT_FOUND, parsePrompt } from "../../worker/rag/answer/prompt.ts";
import { matchQuestion, type Question, readQuestion } from "../../worker/rag/answer/question.ts";
import { type ReadHit, readHit } from "../../worker/rag/answer/reading.ts";
import { POINTS_BACK, type ScoredUnit, scoreUnits } from "../../worker/rag/answer/relevance.ts";

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
  if (asksForAbsentName(question, hits)) return { text: NOT_FOUND, evidence: found };
  const textOf = (unit: ScoredUnit): string => hits[unit.rank]?.units[unit.position]?.text.trim() ?? "";
  const scored = scoreUnits(question, hits)
    .filter((unit) => unit.kind !== "heading" && /\p{L}{2}/u.test(textOf(unit)))
    .map((unit) => ({ ...unit, probability: unit.probability * suits(prompt.question, unit, textOf(unit)) }));
  const best = scored.reduce<ScoredUnit | undefined>(
    (top, unit) => (top === undefined || unit.probability > top.probability ? unit : top),
    undefined,
  );
  if (best === undefined) return { text: NOT_FOUND, evidence: found };
  const quoted = [best, ...companions(question, best, scored, textOf)].sort(
    (a, b) => a.rank - b.rank || a.position - b.position,
  );
  return { text: quotations(question, quoted, textOf, (rank) => prompt.passages[rank]?.mark ?? 0), evidence: found };
}

/** Most of a how-to's answer are steps and commands, not rows of a table. */
const HOW_TO = /^\s*how (?:do|does|can|should|would|to)\b/i;
const STEP_FIT = 2;
const TABLE_FIT = 0.3;
const NEGATED = /\b(?:not|never|avoid|cannot|without|unless|instead)\b|n['’]t\b/i;
const NEGATED_FIT = 4;

/** How much better or worse than its words say a unit fits the form of the question. */
function suits(asked: string, unit: ScoredUnit, text: string): number {
  let factor = 1;
  if (HOW_TO.test(asked) && (unit.kind === "item" || unit.kind === "code")) factor *= STEP_FIT;
  if (HOW_TO.test(asked) && unit.kind === "table") factor *= TABLE_FIT;
  if (/\b(?:not|never|avoid)\b|n['’]t\b/i.test(asked) && NEGATED.test(text)) factor *= NEGATED_FIT;
  return factor;
}

/** In a question with this share of capitals they do not tell names. */
const TITLE_CASE_SHARE = 0.5;

/** Whether a thing that the question names, and not at its beginning, is named by no passage: then none speaks of it. */
function asksForAbsentName(question: Question, hits: readonly ReadHit[]): boolean {
  const names = [...question.names].filter(([, name]) => /\p{L}/u.test(name));
  if (names.length > TITLE_CASE_SHARE * question.terms.size && question.terms.size > 2) return false;
  return names.some(
    ([term]) => !hits.some(({ label, units }) => label[term] === 1 || units.some(({ has }) => has[term] === 1)),
  );
}

/** A sentence that begins like this goes on from the one before. */
const GOES_ON = /^(?:therefore|however|thus|hence|consequently|otherwise|instead|but|so|also|in that case)\b/i;
/** A list is quoted to its end, up to this many items. */
const ITEMS_MAX = 12;

/**
 * What belongs to the best unit: the block or list that it announces, the other steps of its list, the sentence beside it that
 * holds what is asked for, what its pronoun points to; or else a rival nearly as likely.
 */
function companions(
  question: Question,
  best: ScoredUnit,
  scored: readonly ScoredUnit[],
  textOf: (unit: ScoredUnit) => string,
): ScoredUnit[] {
  const at = (offset: number): ScoredUnit | undefined =>
    scored.find((unit) => unit.rank === best.rank && unit.position === best.position + offset);
  const run = (kind: ScoredUnit["kind"], step: 1 | -1): ScoredUnit[] => {
    const found: ScoredUnit[] = [];
    for (let offset = step; found.length < ITEMS_MAX; offset += step) {
      const unit = at(offset);
      if (unit?.kind !== kind) break;
      found.push(unit);
    }
    return found;
  };
  const after = at(1);
  if (best.kind !== "code" && textOf(best).endsWith(":") && after !== undefined && after.kind !== "prose") {
    return after.kind === "item" ? run("item", 1) : [after];
  }
  if (best.kind === "item" && /^\d+[.)]/.test(textOf(best))) return [...run("item", -1), ...run("item", 1)];
  const before = at(-1);
  if (best.kind === "prose" && (POINTS_BACK.test(textOf(best)) || GOES_ON.test(textOf(best))) && before)
    return [before];
  if (best.kind === "prose" && question.type !== "other") {
    const holds = (unit: ScoredUnit | undefined): unit is ScoredUnit =>
      unit?.kind === "prose" && holdsType(question.type, textOf(unit), question.said);
    if (!holds(best)) {
      if (holds(after)) return [after];
      if (holds(before)) return [before];
    }
  }
  const rival = scored
    .filter((unit) => unit !== best && unit.probability >= SECOND_SHARE * best.probability)
    .sort((a, b) => b.probability - a.probability)[0];
  return rival === undefined ? [] : [rival];
}

/** The units word for word, each with its mark; a block, or the items of a list, with what stands right before it under one mark. */
function quotations(
  question: Question,
  quoted: readonly ScoredUnit[],
  textOf: (unit: ScoredUnit) => string,
  markOf: (rank: number) => number,
): string {
  return quoted
    .map((unit, place) => {
      const text = unit.kind === "table" ? bestRow(question, textOf(unit)) : textOf(unit);
      const block = unit.kind === "code" || unit.kind === "table";
      const next = quoted[place + 1];
      const belongs = next?.rank === unit.rank && next.position === unit.position + 1 && next.kind !== "prose";
      if (belongs) return `${text}\n${next.kind === "item" ? "" : "\n"}`;
      return `${text}${block ? "\n" : " "}[${markOf(unit.rank)}]${next === undefined ? "" : "\n"}`;
    })
    .join("");
}

/** Head and best row of a Markdown table; of a part without a head, the best row. */
function bestRow(question: Question, table: string): string {
  const lines = table.split("\n");
  const hasHead = /^[\s|:-]+$/.test(lines[1] ?? "");
  const rows = hasHead ? lines.slice(2) : lines;
  if (rows.length === 0) return table;
  const shared = (row: string): number =>
    matchQuestion(row, question).has.reduce((sum, held, term) => sum + held * (question.strengths[term] ?? 0), 0);
  const row = rows.reduce((best, candidate) => (shared(candidate) > shared(best) ? candidate : best));
  return [...(hasHead ? lines.slice(0, 2) : []), row].join("\n");
}
