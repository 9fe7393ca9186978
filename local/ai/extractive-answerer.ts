/**
 * Stands in for a chat model on this machine: quotes the sentences of the prompt's passages that answer the question
 * best, each with its citation, or says that they do not. Pure and deterministic; it follows no instruction, so none
 * can be injected. Its answers are quotations: it neither combines nor rephrases.
 */
import { HOW_TO } from "../../worker/rag/answer/answer-type.ts";
import { evidence } from "../../worker/rag/answer/evidence.ts";
import { NOT_FOUND, parsePrompt } from "../../worker/rag/answer/prompt.ts";
import { matchQuestion, type Question, readQuestion } from "../../worker/rag/answer/question.ts";
import { POINTS_BACK, type ReadHit, readHit } from "../../worker/rag/answer/reading.ts";
import { scoreUnits } from "../../worker/rag/answer/relevance.ts";
import {
  formAsked,
  holdsAsked,
  isQuotable,
  namesThing,
  OUTPUT,
  type QuotableUnit,
  REASON,
  WHAT_IF,
  WHEN_IT_WAS,
  WHETHER_POSSIBLE,
  WHO,
  WHY,
  wanted,
} from "./question-form.ts";
import { bestRow, quotations } from "./quotations.ts";

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
/**
 * The same among several passages, where the answer is known to be a value (then only places that hold one count), and for a
 * question of few words of which one stands in none of them: that is what it asks for. (In a longer question it may be said
 * otherwise, and few passages are sent where the rest of the question was clear.) And wherever a word of a name stands in none.
 */
const STRICT_EVIDENCE_MIN = 0.5;
const STRICT_PASSAGES_MIN = 3;
const LACKING_TERMS_MAX = 4;
/** How retrieval's scores are taken to fall from passage to passage, which a prompt does not tell: slowly (decision record 0004). */
const SCORE_DECAY = 0.15;
/**
 * So many places are quoted, each at least this likely, compared with the best, to hold the answer. Of those beyond the first few only
 * such as keep the answer within so many characters: one that is long takes the place of several short ones.
 */
const QUOTES_MIN = 3;
const QUOTES_MAX = 8;
const QUOTED_CHARS_MAX = 2_000;
const QUOTE_SHARE = 0.03;

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
    readHit(question, { title: label, heading: "", text, scores: { fused: (1 + rank) ** -SCORE_DECAY } }),
  );
  const asksValue = VALUES.has(question.type) || WHEN_IT_WAS.test(prompt.question);
  const isWritten = formAsked(prompt.question, question) !== undefined;
  const found = evidence(
    question,
    hits,
    (unit) => !(asksValue || isWritten) || holdsAsked(prompt.question, question, unit),
  );
  const lacking = lackingWords(question, hits);
  const isStrict =
    lacking.some((term) => /\p{L}/u.test(question.names.get(term) ?? "")) ||
    (hits.length >= STRICT_PASSAGES_MIN && (asksValue || (lacking.length > 0 && isBrief(question))));
  if (found < (isStrict ? STRICT_EVIDENCE_MIN : ANSWER_EVIDENCE_MIN)) return { text: NOT_FOUND, evidence: found };
  const units = scoreUnits(question, hits).flatMap((unit): QuotableUnit[] => {
    const read = hits[unit.rank]?.units[unit.position];
    return read === undefined ? [] : [{ ...read, ...unit, text: read.text.trim() }];
  });
  const quoted = choose(prompt.question, question, units);
  if (quoted.length === 0) return { text: NOT_FOUND, evidence: found };
  return { text: quotations(question, quoted, (rank) => prompt.passages[rank]?.mark ?? 0), evidence: found };
}

/** Terms that say what a question is about and stand, as asked or in other words, in none of the passages. */
function lackingWords({ strengths }: Question, hits: readonly ReadHit[]): number[] {
  const holds = ({ label, units }: ReadHit, term: number): boolean =>
    [label, ...units.map(({ has }) => has)].some((has) => (has[term] ?? 0) > 0);
  return strengths.flatMap((strength, term) => (strength === 1 && !hits.some((hit) => holds(hit, term)) ? [term] : []));
}

function isBrief({ strengths }: Question): boolean {
  return strengths.filter((strength) => strength === 1).length <= LACKING_TERMS_MAX;
}

/** A sentence that begins like this goes on from the one before. */
const GOES_ON =
  /^(?:therefore|however|thus|hence|consequently|otherwise|instead|but|so|also|then|conversely|similarly|likewise|in that case|in this case|for (?:instance|example)|to do (?:so|that|this))\b/i;
/** A sentence that begins like this tells what to do about the one before, or what comes of it; behind an example, what it means. */
const GOES_FURTHER =
  /^\W{0,4}(?:you (?:can|may|must|should) \w+ (?:this|that|these|those|it|them)\b|to \w+ (?:this|that|these|those|so|it|them)\b|if (?:so|not|you|it|they|this|that)\b|otherwise\b|instead\b|(?:this|that|it|they|these) )/i;
/** So far a chain of such sentences is followed. */
const CHAIN_MAX = 2;
/** A list is quoted to its end, up to this many items. */
const ITEMS_MAX = 12;
/** So far behind the sentence that speaks of a task its steps may begin. */
const STEPS_WITHIN = 5;
/** The value that is asked for stands at most this far from the sentence that repeats the question. */
const VALUE_WITHIN = 2;
/** Of these types an answer holds one, or is none. ("When" may be answered by a version or an event.) */
const VALUES: ReadonlySet<string> = new Set(["number", "time", "version"]);

/** What the form of a question asks for beside the sentence that speaks of it. */
interface AskedForm {
  /** A way to do something. */
  isHowTo: boolean;
  /** What comes of something. */
  isWhatIf: boolean;
  isWhy: boolean;
  value: ReturnType<typeof wanted>;
}

/**
 * What is quoted: the likeliest units with what belongs to each, those of the best passage first, each passage in reading order.
 * Until the value that is asked for is quoted, only what holds it goes on; empty where it stands nowhere.
 */
function choose(asked: string, question: Question, units: readonly QuotableUnit[]): QuotableUnit[] {
  const passages = Map.groupBy(units, ({ rank }) => rank);
  const form: AskedForm = {
    isHowTo: HOW_TO.test(asked) || WHETHER_POSSIBLE.test(asked),
    isWhatIf: WHAT_IF.test(asked),
    isWhy: WHY.test(asked),
    value: wanted(asked, question),
  };
  const isValue = VALUES.has(question.type) || WHO.test(asked) || WHEN_IT_WAS.test(asked);
  const { value } = form;
  const answers = (quotes: readonly QuotableUnit[]): boolean =>
    isValue ? quotes.some((unit) => holdsAsked(asked, question, unit)) : value === undefined || quotes.some(value);
  const quotable = units.filter((unit) => isQuotable(question, unit));
  const ranked = withoutOutdone(question, quotable).sort((a, b) => b.probability - a.probability);
  const quoted = new Set<QuotableUnit>();
  let quotes = 0;
  let spent = 0;
  let isAnswered = !isValue && value === undefined;
  for (const unit of ranked) {
    const isLikely = unit.probability >= QUOTE_SHARE * (ranked[0]?.probability ?? 0);
    if (quotes === QUOTES_MAX || (!isLikely && isAnswered)) break;
    if (quoted.has(unit) || (quotes > 0 && !saysAnything(question, unit))) continue;
    const group = belonging(unit, passages.get(unit.rank) ?? [], form);
    if ((quotes > 0 || isValue) && !isAnswered && !answers(group)) continue;
    const added = group.filter((one) => !quoted.has(one));
    const chars = added.reduce((sum, { text }) => sum + text.length, 0);
    if (quotes >= QUOTES_MIN && isAnswered && spent + chars > QUOTED_CHARS_MAX) continue;
    spent += chars;
    for (const one of added) quoted.add(one);
    isAnswered ||= answers(group);
    quotes++;
  }
  if (isValue && !isAnswered) return [];
  for (const { rank, position } of [...quoted]) {
    const heading = passages.get(rank)?.findLast((unit) => unit.position < position && unit.kind === "heading");
    if (heading !== undefined && namesThing(heading)) quoted.add(heading);
  }
  const order = [...new Set([...quoted].map(({ rank }) => rank))];
  return [...quoted].sort((a, b) => order.indexOf(a.rank) - order.indexOf(b.rank) || a.position - b.position);
}

/** Whether the unit, or what stands above it, has a word of the question that says something of its subject. */
function saysAnything({ strengths }: Question, { has, above }: QuotableUnit): boolean {
  return strengths.some((strength, term) => strength === 1 && (has[term] === 1 || above[term] === 1));
}

/** Without the tables of which another's best row says every word of the question that their own does, and more: they tell of others. */
function withoutOutdone(question: Question, units: readonly QuotableUnit[]): QuotableUnit[] {
  const rows = units
    .filter(({ kind }) => kind === "table")
    .map((unit) => ({ unit, has: matchQuestion(bestRow(question, unit.text), question).has }));
  const isOutdone = (has: Float64Array): boolean =>
    rows.some(
      (other) =>
        has.every((here, term) => here !== 1 || other.has[term] === 1) &&
        has.some((here, term) => here !== 1 && other.has[term] === 1),
    );
  const outdone = new Set(rows.filter(({ has }) => isOutdone(has)).map(({ unit }) => unit));
  return units.filter((unit) => !outdone.has(unit));
}

/**
 * The unit with what belongs to it in its passage (`units`): what it points back to, the sentence that announces it, the block or
 * list that it announces, the other steps of its list; for a how-to the steps that follow; for a value the sentence beside it
 * that holds it.
 */
function belonging(
  unit: QuotableUnit,
  units: readonly QuotableUnit[],
  { isHowTo, isWhatIf, isWhy, value }: AskedForm,
): QuotableUnit[] {
  let [from, to] = [unit.position, unit.position];
  const isList = unit.kind === "item" && (isHowTo || /^\d+[.)]/.test(unit.text));
  if (isList) {
    while (units[from - 1]?.kind === "item" && unit.position - from < ITEMS_MAX) from--;
    while (units[to + 1]?.kind === "item" && to - unit.position < ITEMS_MAX) to++;
  }
  const announces = (place: number): boolean =>
    units[place]?.kind !== "code" && (units[place]?.text.endsWith(":") ?? false);
  if ((unit.kind !== "prose" && unit.kind !== "item") || isList) {
    if (units[from - 1]?.kind === "prose" && announces(from - 1)) from--;
  }
  for (let back = 0; back < CHAIN_MAX && goesOn(units[from]) && units[from - 1]?.kind === "prose"; back++) from--;
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
  if (
    (isHowTo || isWhatIf) &&
    isProse(units[to]) &&
    isProse(units[to + 1]) &&
    GOES_FURTHER.test(units[to + 1]?.text ?? "")
  )
    to++;
  if (announces(to) && units[to + 1] !== undefined && units[to + 1]?.kind !== "heading") to = block(to + 1);
  if (units[to]?.kind === "code")
    for (let on = 0; on < CHAIN_MAX && isProse(units[to + 1]) && GOES_FURTHER.test(units[to + 1]?.text ?? ""); on++)
      to++;
  if (isHowTo && !units.slice(from, to + 1).some((_, offset) => isStep(from + offset))) to = stepsBehind(to) ?? to;
  const span = units.slice(from, to + 1);
  if (value !== undefined && !span.some(value)) {
    const beside = (edge: number, step: 1 | -1): QuotableUnit | undefined => {
      for (let next = edge + step; Math.abs(next - edge) <= VALUE_WITHIN; next += step) {
        const other = units[next];
        if (other === undefined || other.kind === "heading") return undefined;
        if (value(other)) return other;
      }
      return undefined;
    };
    const [before, behind] = [beside(from, -1), beside(to, 1)];
    if (behind !== undefined && (before === undefined || behind.position - to <= from - before.position))
      return [...span, behind];
    if (before !== undefined) return [before, ...span];
  }
  if (isWhy && !span.some(({ text }) => REASON.test(text))) {
    if (units[from - 1]?.kind === "prose") from--;
    if (units[to + 1]?.kind === "prose") to++;
    return units.slice(from, to + 1);
  }
  return span;
}

const isProse = (unit: QuotableUnit | undefined): boolean => unit?.kind === "prose" || unit?.kind === "item";

function goesOn(unit: QuotableUnit | undefined): boolean {
  return unit?.kind === "prose" && (POINTS_BACK.test(unit.text) || GOES_ON.test(unit.text));
}
