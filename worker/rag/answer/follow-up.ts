/**
 * A follow-up question made self-contained without a model: what it leaves out is taken from the questions before it. Pure.
 *
 * "How long are backups kept on the paid plan?" and then "And on the free plan?" is "How long are backups kept on the free plan?";
 * "How do I delete one?" is "How do I delete one? (backups paid plan)". A question that stands by itself is not touched:
 * what was spoken of before must not drag a new topic back.
 */
import { CARRIED_WORDS_MAX } from "../../limits.ts";
import { stem } from "../text/stem.ts";
import { fold } from "../text/words.ts";
import type { Turn } from "./conversation.ts";
import { FOLLOW_UP_WORDS, type FollowUpWords } from "./follow-up-words.ts";

/** A word as it is written, and as it is compared. */
interface Word {
  text: string;
  /** Where in its question it begins. */
  start: number;
  folded: string;
  stem: string;
  is_content: boolean;
}

interface ReadQuestion {
  text: string;
  words: Word[];
  content: Word[];
  /** Undefined for a language without a list. */
  language: FollowUpWords | undefined;
}

/** What a person would take for one word: `--dry-run` and `audit_log.md` are. */
const WORD = /(?:--)?[\p{L}\p{N}](?:[\p{L}\p{N}\p{M}]|[_.'’/-](?=[\p{L}\p{N}]))*/gu;
const UNSPACED = /[\p{scx=Han}\p{scx=Hira}\p{scx=Kana}\p{scx=Thai}\p{scx=Laoo}\p{scx=Khmr}\p{scx=Mymr}]/u;
/** Scripts without spaces: about so many characters are a word. */
const UNSPACED_CHARS_PER_WORD = 2;
/** In a language without a list, a question of so few words says too little to stand by itself. */
const BARE_WORDS_MAX = 4;
/** Shorter ones are grammar in most languages. */
const CONTENT_CHARS_MIN = 4;
/** So many words before a pronoun in the same question are what it stands for: "what if a key leaks and it was mine". */
const ANTECEDENT_WORDS = 3;

/** So many words of content beside one that asks are a question of its own, even behind an "and". */
const WHOLE_WORDS = 3;
/** A longer one without a word that asks may begin with its verb: "Lassen sich Protokolle als CSV ausführen?". */
const FRAGMENT_WORDS_MAX = 2;

/** The question itself, or a longer one that holds what it leaves out. */
export function standaloneByRule(question: string, turns: readonly Turn[]): string {
  let topic: ReadQuestion | undefined;
  for (const { role, content } of turns) {
    if (role === "user") topic = readWords(completed(readWords(content, topic), topic), topic);
  }
  return completed(readWords(question, topic), topic);
}

function completed(question: ReadQuestion, topic: ReadQuestion | undefined): string {
  if (topic === undefined || !leansBack(question, topic)) return question.text;
  if (isFragment(question)) return replaced(question, topic) ?? `${topic.text} ${question.text}`;
  const headed = withHead(question, topic);
  if (headed !== null) return headed;
  const own = new Set(question.content.map((word) => word.stem));
  const carried = new Map(topic.content.flatMap((word) => (own.has(word.stem) ? [] : [[word.stem, word.text]])));
  if (carried.size === 0) return question.text;
  return `${question.text} (${[...carried.values()].slice(-CARRIED_WORDS_MAX).join(" ")})`;
}

/** Whether the question needs what was said before it. */
function leansBack(question: ReadQuestion, topic: ReadQuestion): boolean {
  const { language, words, content } = question;
  if (language === undefined) {
    const known = new Set(topic.content.map((word) => word.stem));
    if (words.length === 0) return false;
    return sizeOf(words) <= BARE_WORDS_MAX || content.some((word) => known.has(word.stem));
  }
  if (content.length === 0 || isFragment(question) || withHead(question, topic) !== null) return true;
  if (words.some((_, place) => pointsBack(question, place, language))) return true;
  if (language.leads.has(words[0]?.folded ?? "")) return content.length < WHOLE_WORDS;
  if (content.length > 1) return false;
  return words.some((word) => language.definite.has(word.folded)) || words.length <= 2;
}

/** Nothing in it asks, or it asks nothing but "what about": its form is that of the question before. */
function isFragment({ text, language, words, content }: ReadQuestion): boolean {
  if (language === undefined) return false;
  if (content.length > 0 && WHAT_ABOUT.test(words.map((word) => word.folded).join(" "))) return true;
  if (!text.includes(",") && isClause(words, language)) return true;
  const isPart =
    content.length <= FRAGMENT_WORDS_MAX ||
    language.leads.has(words[0]?.folded ?? "") ||
    language.prepositions?.has(words[0]?.folded ?? "") === true;
  return isPart && !words.some((word) => language.asking.has(word.folded));
}

/** "When the body times out?" begins with a clause. */
function isClause(words: readonly Word[], { leads, asking, clauses }: FollowUpWords): boolean {
  const [word, next] = withoutLeads(words, leads);
  return word !== undefined && next !== undefined && clauses.has(word.folded) && !asking.has(next.folded);
}

function withoutLeads(words: readonly Word[], leads: ReadonlySet<string> | undefined): readonly Word[] {
  const first = words.findIndex(({ folded }) => leads?.has(folded) !== true);
  return words.slice(Math.max(0, first));
}

const WHAT_ABOUT =
  /^(?:and |but |und |aber |y |e |pero )?(?:(?:what|how) (?:about|of|if)|was ist (?:mit|bei)|wie (?:ist|sieht|steht) (?:es|das) (?:mit|bei|im|in|auf)|que (?:pasa con|hay de|tal))\b/;

/** Whether the word at `place` stands for something that the question does not name before it. */
function pointsBack({ text, words }: ReadQuestion, place: number, language: FollowUpWords): boolean {
  const word = words[place];
  if (word === undefined) return false;
  const [before, next] = [words.slice(0, place), words[place + 1]];
  if (before.filter(({ is_content }) => is_content).length >= ANTECEDENT_WORDS) return false;
  // Behind a comma it joins a clause.
  if (language.definite_alone && language.definite.has(word.folded) && next?.is_content !== true)
    return !/,\s*$/.test(text.slice(0, word.start));
  if (!language.pronouns.has(word.folded) && language.enclitic?.test(word.folded) !== true) return false;
  // "The key that leaked": behind a noun it joins a clause. "Is there a …", "gibt es": it says nothing.
  const previous = before.at(-1);
  if (JOINING.has(word.folded) && previous?.is_content === true && next !== undefined) return false;
  // "One weight", "both legs": a number.
  if (NUMBERS.has(word.folded) && next?.is_content === true) return false;
  return !(EXPLETIVE.has(word.folded) && language.asking.has(previous?.folded ?? ""));
}
const JOINING: ReadonlySet<string> = new Set(["that", "das"]);
const NUMBERS: ReadonlySet<string> = new Set(["one", "both", "beide", "ambos"]);
const EXPLETIVE: ReadonlySet<string> = new Set(["there", "es"]);

/**
 * The topic with the words of the fragment in the place of theirs: "on the paid plan" and "on the free plan", "the moth" and "the
 * hornet" have as many words, grammar and content at the same places, and a word in common. Null where nothing corresponds, or
 * more than one place does.
 */
function replaced(question: ReadQuestion, topic: ReadQuestion): string | null {
  const fragment = withoutLeads(question.words, question.language?.leads);
  const found = topic.words.flatMap((_, at) => {
    const place = topic.words.slice(at, at + fragment.length);
    const same = place.map((word, offset) => word.stem === fragment[offset]?.stem);
    const fits =
      place.length === fragment.length &&
      place.every((word, offset) => same[offset] || (word.is_content && fragment[offset]?.is_content));
    if (!fits || !same.includes(true) || same.every(Boolean)) return [];
    const content = place.some((word, offset) => same[offset] && word.is_content);
    // "The audit" is no match for "the backups" in "the audit log": the name goes on.
    return content || topic.words[at + fragment.length]?.is_content !== true ? [{ at, content }] : [];
  });
  const likely = found.some(({ content }) => content) ? found.filter(({ content }) => content) : found;
  return likely.length === 1 && likely[0] !== undefined ? withWords(topic.text, likely[0].at, fragment) : null;
}

/**
 * "Which methods does it retry?" and then "Which status codes?": what the second begins with stands in the place of what the first does, whose
 * verb it shares. Null where they do not begin alike, or the second has a verb of its own.
 */
function withHead({ language, words, content }: ReadQuestion, topic: ReadQuestion): string | null {
  if (language === undefined || content.length === 0 || content.length >= WHOLE_WORDS) return null;
  const verb = topic.words.findIndex(({ folded }, at) => at > 0 && language.asking.has(folded));
  const [head, before] = [withoutLeads(words, language.leads), topic.words.slice(0, Math.max(0, verb))];
  const shapes = [head, before].map(([first, ...rest]) => {
    const isAsking = first !== undefined && language.asking.has(first.folded);
    const shape = rest
      .map(({ folded, is_content }) => (is_content ? "" : folded))
      .join(" ")
      .trim();
    return isAsking && rest.some(({ is_content }) => is_content)
      ? `${first.folded.slice(0, ASKING_CHARS)} ${shape}`
      : null;
  });
  if (shapes[0] === null || shapes[0] !== shapes[1]) return null;
  const mark = topic.text.slice(0, topic.words[0]?.start);
  return `${mark}${head.map(({ text }) => text).join(" ")} ${topic.text.slice(topic.words[verb]?.start)}`;
}
/** "Cuántos" and "cuántas", "welche" and "welcher" ask alike. */
const ASKING_CHARS = 5;

/** `text` with its words from the one at `first` on exchanged. */
function withWords(text: string, first: number, words: readonly Word[]): string {
  let place = -1;
  return text.replace(WORD, (word) => {
    place++;
    return words[place - first]?.text ?? word;
  });
}

function sizeOf(words: readonly Word[]): number {
  return words.reduce(
    (sum, { text }) => sum + (UNSPACED.test(text) ? Math.ceil(text.length / UNSPACED_CHARS_PER_WORD) : 1),
    0,
  );
}

function readWords(text: string, topic: ReadQuestion | undefined): ReadQuestion {
  const trimmed = text.trim();
  const found = Array.from(trimmed.matchAll(WORD), ({ 0: word, index }) => ({
    text: word,
    start: index,
    folded: fold(word).split("\n", 1)[0] ?? "",
  }));
  const language = languageOf(found.map(({ folded }) => folded)) ?? topic?.language;
  const words = found.map((word): Word => {
    const is_content =
      language === undefined ? word.text.length >= CONTENT_CHARS_MIN : !isGrammar(word.folded, language);
    return { ...word, stem: stem(word.folded), is_content };
  });
  return { text: trimmed, words, content: words.filter(({ is_content }) => is_content), language };
}

function isGrammar(word: string, language: FollowUpWords): boolean {
  const { leads, pronouns, asking, definite, clauses, prepositions, grammar } = language;
  return [leads, pronouns, asking, definite, clauses, prepositions, grammar].some((words) => words?.has(word));
}

/** Less of it are words that another language spells alike. */
const GRAMMAR_SHARE_MIN = 0.3;

/** The language of which the text has the most grammar; undefined where it has too little of any. */
function languageOf(words: readonly string[]): FollowUpWords | undefined {
  const counted = FOLLOW_UP_WORDS.map((language) => ({
    language,
    count: words.filter((word) => isGrammar(word, language)).length,
  }));
  const best = counted.reduce((most, one) => (one.count > most.count ? one : most));
  return best.count >= GRAMMAR_SHARE_MIN * words.length ? best.language : undefined;
}
