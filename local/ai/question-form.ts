/** How well a unit of a passage fits the form of a question: what it can be, what it must hold. Pure; the cues are English. */
import { holdsType } from "../../worker/rag/answer/answer-type.ts";
import type { Question } from "../../worker/rag/answer/question.ts";
import type { ScoredUnit } from "../../worker/rag/answer/relevance.ts";

/** A unit with its text, without white space around it. */
export interface QuotableUnit extends ScoredUnit {
  text: string;
  has: Uint8Array;
  /** Terms of the heading, of the first sentence below it. */
  opens: Uint8Array;
}
export const NONE = new Uint8Array();

/** Tells the first sentence below each heading what the heading says. */
export function markFirstSentences(units: QuotableUnit[]): void {
  let heading: QuotableUnit | undefined;
  for (const unit of units) {
    if (unit.kind === "heading") heading = unit;
    else if (unit.kind === "prose" && isQuotable(unit)) {
      if (heading?.rank === unit.rank) unit.opens = heading.has;
      heading = undefined;
    }
  }
}

/** Most of a how-to's answer are steps and commands, not rows of a table. */
export const HOW_TO = /^\s*how (?:do|does|can|should|would|to)\b/i;
const STEP_FIT = 2;
const TABLE_FIT = 0.3;
const NEGATED = /\b(?:not|never|avoid|cannot|without|unless|instead)\b|n['’]t\b/i;
const NEGATED_FIT = 4;
/** "What does X do" is hardly answered by what it does not do. */
const DENIAL_FIT = 0.5;
/** The value stands there in the form in which such values are written. */
const FORM_FIT = 3;
/** The first sentence below a heading that names the thing says what it is. */
const FIRST_FIT = 2;
const DEFAULT = /\bdefaults?\b/i;
/** A default is told so: "Default: 5", "defaults to 5", "the default is 5", "5 by default", or in a column of its own. */
const DEFAULT_TOLD = /\bdefaults?\b(?:\W{0,3}\w+){0,3}?\W{0,3}(?:[:=|]|\b(?:to|is|are|of)\b)|\bby default\b/i;
const POINTS_ELSEWHERE = /^(?:see|for (?:more|further|details)|refer to)\b/i;
const ELSEWHERE_FIT = 0.3;
export const WHY = /^\s*why\b/i;
export const REASON =
  /\b(?:because|since|due to|so that|in order|therefore|otherwise|avoids?|prevents?|protects?|reasons?|causes?|(?:which|this|that) means)\b/i;
const ASIDE = /^\W*(?:note|caution|warning|important|tip)\b/i;
const ASIDE_FIT = 0.4;
const TAG = /<[a-z/][^<>]*>/gi;
/** A line of a table of contents, or the definition of a link. */
const SIGNPOST = /^(?:[-*+]\s+)?\[[^\]\n]+\](?:\(#[^)\s]*\)|:\s*\S+)$/;

/** Whether anything of the unit can be an answer. */
export function isQuotable({ kind, text }: QuotableUnit): boolean {
  const bare = kind === "code" ? text : text.replace(TAG, "");
  return kind !== "heading" && /\p{L}{2}|\d/u.test(bare) && !SIGNPOST.test(bare.trim());
}

/** How much better or worse than its words say a unit fits the form of the question. */
export function suits(asked: string, { form }: Question, unit: QuotableUnit): number {
  if (!isQuotable(unit)) return 0;
  const { kind, text, opens } = unit;
  let factor = 1;
  if (HOW_TO.test(asked) && (kind === "item" || (kind === "code" && !OUTPUT.test(text)))) factor *= STEP_FIT;
  if (HOW_TO.test(asked) && kind === "table") factor *= TABLE_FIT;
  if (/\b(?:not|never|avoid)\b|n['’]t\b/i.test(asked)) factor *= NEGATED.test(text) ? NEGATED_FIT : 1;
  else if (/^\s*what\b/i.test(asked) && NEGATED.test(text)) factor *= DENIAL_FIT;
  if (HOW_TO.test(asked) && ASIDE.test(text)) factor *= ASIDE_FIT;
  if (POINTS_ELSEWHERE.test(text)) factor *= ELSEWHERE_FIT;
  if (form?.test(text)) factor *= FORM_FIT;
  if (/^\s*who\b/i.test(asked) && kind === "code") factor *= TABLE_FIT;
  if (
    /^\s*what (?:is|are|does|do)\b/i.test(asked) &&
    2 * opens.reduce((sum, has) => sum + has, 0) >= opens.length &&
    opens.length > 0
  )
    factor *= FIRST_FIT;
  return factor;
}

/** What a program prints is no step: blocks that say so, or that say nothing of their language. */
export const OUTPUT = /^(?:```|~~~)\s*(?:text|txt|console|output|log|plain)\b/i;
/** What is asked for stands at most this far from the sentence that repeats the question. */
const BESIDE_MAX = 2;
/** The same for a value that is known by its form. */
const SECTION_MAX = 5;

/** What tells the value that is asked for, and how far from the sentence that speaks of it; undefined where no value is asked for. */
export function wanted(
  asked: string,
  question: Question,
): { holds: (unit: QuotableUnit) => boolean; within: number } | undefined {
  const { form, type, said } = question;
  if (DEFAULT.test(asked)) {
    return { holds: ({ text }) => DEFAULT_TOLD.test(text), within: SECTION_MAX };
  }
  if (form !== undefined) return { holds: ({ text }) => form.test(text), within: SECTION_MAX };
  return type === "other" ? undefined : { holds: ({ text }) => holdsType(type, text, said), within: BESIDE_MAX };
}
