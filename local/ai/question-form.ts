/** What the form of a question asks of a unit of a passage: what can be quoted, what it must hold. Pure; the cues are English. */
import { holdsType } from "../../worker/rag/answer/answer-type.ts";
import type { Question } from "../../worker/rag/answer/question.ts";
import type { ReadHit } from "../../worker/rag/answer/reading.ts";
import type { ScoredUnit } from "../../worker/rag/answer/relevance.ts";

/** A unit with what the question finds in it; its text is without white space around it. */
export type QuotableUnit = ScoredUnit & ReadHit["units"][number];

export const HOW_TO = /^\s*how (?:do|does|can|should|would|to)\b/i;
export const WHO = /^\s*who\b/i;
/** What people are called who have no name here. */
const ROLE =
  /\b(?:users?|admins?|administrators?|operators?|owners?|maintainers?|authors?|contributors?|developers?|members?|teams?|community|compan(?:y|ies)|organi[sz]ations?|people|persons?|anyone|anybody|everyone|everybody|nobody|no one|callers?|clients?)\b/i;
export const WHY = /^\s*why\b/i;
export const REASON =
  /\b(?:because|since|due to|so that|in order|therefore|otherwise|avoids?|prevents?|protects?|reasons?|causes?|(?:which|this|that) means)\b/i;
const DEFAULT = /\bdefaults?\b/i;
/** A default is told so: "Default: 5", "defaults to 5", "the default is 5", "5 by default", or in a column of its own. */
const DEFAULT_TOLD = /\bdefaults?\b(?:\W{0,3}\w+){0,3}?\W{0,3}(?:[:=|]|\b(?:to|is|are|of)\b)|\bby default\b/i;
/** What a program prints is no step: blocks that say so. */
export const OUTPUT = /^(?:```|~~~)\s*(?:text|txt|console|output|log|plain)\b/i;
const TAG = /<[a-z/][^<>]*>/gi;
/** A line of a table of contents, or the definition of a link. */
const SIGNPOST = /^(?:[-*+]\s+)?\[[^\]\n]+\](?:\(#[^)\s]*\)|:\s*\S+)$/;

/** Whether anything of the unit can be an answer. */
export function isQuotable({ kind, text }: QuotableUnit): boolean {
  const bare = kind === "code" ? text : text.replace(TAG, "");
  return kind !== "heading" && /\p{L}{2}|\d/u.test(bare) && !SIGNPOST.test(bare.trim());
}

/**
 * Whether a unit holds something of the question's type. People are called by a name or a role, and in sentences: a name in code
 * or in a table is another thing's.
 */
export function holdsAsked(asked: string, { type, said }: Question, { kind, text }: ReadHit["units"][number]): boolean {
  if (!WHO.test(asked)) return holdsType(type, text, said);
  return kind !== "code" && kind !== "table" && (ROLE.test(text) || holdsType(type, text, said));
}

/** Tells the units that hold the value asked for; undefined where no value is asked for. */
export function wanted(asked: string, { form, type, said }: Question): ((unit: QuotableUnit) => boolean) | undefined {
  if (DEFAULT.test(asked)) return ({ text }) => DEFAULT_TOLD.test(text);
  if (form !== undefined) return ({ text }) => form.test(text);
  return type === "other" ? undefined : ({ text }) => holdsType(type, text, said);
}
