/**
 * Stands in for a chat model on this machine: quotes the sentences of the prompt's passages that answer the question
 * best, each with its citation, or says that they do not. Pure and deterministic; it follows no instruction, so none
 * can be injected. Its answers are quotations: it neither combines nor rephrases.
 */
import { evidence } from "../../worker/rag/answer/evidence.ts";
import { NOT_FOUND, parsePrompt } from "../../worker/rag/answer/prompt.ts";
import { matchQuestion, type Question, readQuestion } from "../../worker/rag/answer/question.ts";
import { readHit } from "../../worker/rag/answer/reading.ts";
import { POINTS_BACK, type ScoredUnit, scoreUnits } from "../../worker/rag/answer/relevance.ts";

/** What the answerer says, and how sure it was: `evidence` is 0..1 over the passages of the prompt. */
export interface ExtractiveAnswer {
  text: string;
  evidence: number;
}

/**
 * Below this evidence in the passages the answer is NOT_FOUND. Higher than the Worker's own limit, since nothing
 * judges after this.
 */
export const ANSWER_EVIDENCE_MIN = 0.36;
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
  const textOf = (unit: ScoredUnit): string => hits[unit.rank]?.units[unit.position]?.text.trim() ?? "";
  const scored = scoreUnits(question, hits).filter((unit) => unit.kind !== "heading" && /\p{L}{2}/u.test(textOf(unit)));
  const best = scored.reduce<ScoredUnit | undefined>(
    (top, unit) => (top === undefined || unit.probability > top.probability ? unit : top),
    undefined,
  );
  if (best === undefined) return { text: NOT_FOUND, evidence: found };
  const quote = (unit: ScoredUnit): string => {
    const text = unit.kind === "table" ? bestRow(question, textOf(unit)) : textOf(unit);
    return `${text}${unit.kind === "code" || unit.kind === "table" ? "\n" : " "}[${prompt.passages[unit.rank]?.mark}]`;
  };
  const second = companion(best, scored, textOf);
  const quoted = (second === undefined ? [best] : [best, second]).sort(
    (a, b) => a.rank - b.rank || a.position - b.position,
  );
  return { text: quoted.map(quote).join("\n"), evidence: found };
}

/** The sentence that belongs to the best one: what its pronoun points to, or else a rival nearly as likely. */
function companion(
  best: ScoredUnit,
  scored: readonly ScoredUnit[],
  textOf: (unit: ScoredUnit) => string,
): ScoredUnit | undefined {
  if (best.kind === "prose" && POINTS_BACK.test(textOf(best))) {
    const before = scored.find((unit) => unit.rank === best.rank && unit.position === best.position - 1);
    if (before !== undefined) return before;
  }
  return scored
    .filter((unit) => unit !== best && unit.probability >= SECOND_SHARE * best.probability)
    .sort((a, b) => b.probability - a.probability)[0];
}

/** Head and best row of a Markdown table; all of it where no row follows a head. */
function bestRow(question: Question, table: string): string {
  const [head, rule, ...rows] = table.split("\n");
  const shared = (row: string): number =>
    matchQuestion(row, question).has.reduce((sum, held, term) => sum + held * (question.strengths[term] ?? 0), 0);
  if (rows.length === 0 || rule === undefined || !/^[\s|:-]+$/.test(rule)) return table;
  return [head, rule, rows.reduce((best, row) => (shared(row) > shared(best) ? row : best))].join("\n");
}
