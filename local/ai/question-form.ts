/** What the form of a question asks of a unit of a passage: what can be quoted, what it must hold. Pure; the cues are English. */
import { asksOneForm, DEFAULT, DEFAULT_TOLD, holdsType, LIMIT_TOLD } from "../../worker/rag/answer/answer-type.ts";
import type { Question } from "../../worker/rag/answer/question.ts";
import type { ReadHit } from "../../worker/rag/answer/reading.ts";
import type { ScoredUnit } from "../../worker/rag/answer/relevance.ts";
import { termOf } from "../../worker/rag/text/terms.ts";
import { tokenise } from "../../worker/rag/text/words.ts";

/** A unit with what the question finds in it; its text is without white space around it. */
export type QuotableUnit = ScoredUnit & ReadHit["units"][number];

export const WHO = /^\s*who\b/i;
/** What people are called who have no name here. */
const ROLE =
  /\b(?:users?|admins?|administrators?|operators?|owners?|maintainers?|authors?|contributors?|developers?|members?|teams?|community|compan(?:y|ies)|organi[sz]ations?|people|persons?|anyone|anybody|everyone|everybody|nobody|no one|callers?|clients?)\b/i;
/** A day or year of the past, which no version and no event stands for. */
export const WHEN_IT_WAS =
  /^\s*when (?:was|were|did)\b|\b(?:what|which)(?: \w+){0,2} (?:year|years|date|day|month|century|decade)\b/i;
/** Who asks whether a thing can be done wants to know how. */
export const WHETHER_POSSIBLE = /^\s*(?:can|could|may|is it possible)\b/i;
export const WHAT_IF = /\b(?:what|does|is|are|can|will|would)\b.{0,100}\b(?:if|when|unless)\b/i;
export const WHY = /^\s*why\b/i;
export const REASON =
  /\b(?:because|since|due to|so that|in order|therefore|otherwise|avoids?|prevents?|protects?|reasons?|causes?|(?:which|this|that) means)\b/i;
/** What a program prints is no step: blocks that say so. */
export const OUTPUT = /^(?:```|~~~)\s*(?:text|txt|console|output|log|plain)\b/i;
const TAG = /<[a-z/][^<>]*>/gi;
/** A line of a table of contents, on its page or for a whole site, or the definition of a link. */
const SIGNPOST = /^(?:[-*+]\s+)*\[[^\]\n]+\](?:\((?![a-z]{2,12}:)[^)\s]*\)|:\s*\S+)$/;

/** What headings tell of what stands below them: the version, and when it came out. */
const TOLD_BY_HEADINGS: ReadonlySet<string> = new Set(["date", "version"]);

/** Of a reference: "### `max_size` (Number)", "## udp-workers". Other headings begin with a capital. */
const NAMING = /^#{1,6}\s+(?:[`*]*-{0,2}\p{Ll}[\w.-]*|`)/u;

/** Whether it is a heading that names what the text below speaks of and does not name. */
export function namesThing({ kind, text }: QuotableUnit): boolean {
  return kind === "heading" && NAMING.test(text);
}

/** Whether anything of the unit can be an answer. */
export function isQuotable({ type, said }: Question, { kind, text }: QuotableUnit): boolean {
  if (kind === "heading") return TOLD_BY_HEADINGS.has(type) && holdsType(type, text, said);
  const bare = kind === "code" ? text : text.replace(TAG, "");
  return /\p{L}{2}|\d/u.test(bare) && !SIGNPOST.test(bare.trim());
}

/** "The default port of …", "how many plugins …": of what the value is asked for. */
const OF_WHAT =
  /\b(?:how many|defaults?) ((?:[\p{L}\d_.-]+ ){0,3}?[\p{L}\d_.-]+)(?= (?:of|for|in|on|at|per|to|when|if|that|is|are|was|were|can|could|may|might|do|does|did|will|would|has|have|had|should|must|use|uses|work|works|run|runs|get|gets|need|needs|take|takes|fit|exist)\b|\s*\?|$)/iu;

/** Whether a unit, or a heading above it, speaks of what the value is asked for: a default of something else is none. */
function isOfWhat(asked: string, { terms, strengths }: Question, { has, above }: ReadHit["units"][number]): boolean {
  const words = tokenise(OF_WHAT.exec(asked)?.[1] ?? "").flatMap((word) => terms.get(termOf(word)) ?? []);
  const telling = words.filter((term) => strengths[term] === 1);
  return telling.length === 0 || telling.some((term) => Math.max(has[term] ?? 0, above[term] ?? 0) > 0);
}

/**
 * Whether a unit holds something of the question's type. People are called by a name or a role, and in sentences: a name in code
 * or in a table is another thing's.
 */
export function holdsAsked(asked: string, question: Question, unit: ReadHit["units"][number]): boolean {
  if (!isOfWhat(asked, question, unit)) return false;
  const { type, said } = question;
  const { kind, text } = unit;
  const form = formAsked(asked, question);
  if (form !== undefined) return form.test(text) && (type !== "number" || holdsType(type, text, said));
  if (!WHO.test(asked)) return holdsType(type, text, said);
  return kind !== "code" && kind !== "table" && (ROLE.test(text) || holdsType(type, text, said));
}

/** How the answer is written wherever it stands: a default, a price, an e-mail address. Undefined for other questions. */
export function formAsked(asked: string, { form }: Question): RegExp | undefined {
  if (DEFAULT.test(asked)) return DEFAULT_TOLD;
  return asksOneForm(asked) ? form : undefined;
}

/** Tells the units that hold the value asked for; undefined where no value is asked for. */
export function wanted(asked: string, { form, type, said }: Question): ((unit: QuotableUnit) => boolean) | undefined {
  if (DEFAULT.test(asked)) return ({ text }) => DEFAULT_TOLD.test(text);
  if (form !== undefined && form !== LIMIT_TOLD) return ({ text }) => form.test(text);
  return type === "other" ? undefined : ({ text }) => holdsType(type, text, said);
}
