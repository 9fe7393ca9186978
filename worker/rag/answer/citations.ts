/**
 * Turns the marks of a model's answer into citations: a mark that was drawn for this prompt (`marks.ts`) becomes `[chunk id]`
 * with the span of the chunk that supports the sentence it ends; one that the model made up is removed and reported. All
 * other text stays as it is, also `[12]`. Pure; `CitationStream` does the same for an answer that arrives in pieces.
 *
 * What it does not do: prove that the cited text entails the sentence. The span is the best word overlap.
 */
import { units } from "../text/sentences.ts";
import { stem } from "../text/stem.ts";
import { STOPWORDS } from "../text/stopwords.ts";
import { nameKey, tokenise } from "../text/words.ts";
import { MARK_DIGITS } from "./marks.ts";

/** A chunk that the model was given, with the whole text that spans point into. */
interface CitableChunk {
  /** What the model cites it by. */
  mark: number;
  chunk_id: number;
  text: string;
}

/** A citation that stands in the answer. Offsets are UTF-16 code units, end exclusive. */
export interface Citation {
  chunk_id: number;
  /** In the chunk's text. */
  start: number;
  end: number;
  /** Where the answer's text shows it. */
  mark_start: number;
  mark_end: number;
}

/** Checked text, with the citations in it. */
export interface CheckedText {
  text: string;
  citations: Citation[];
}

/**
 * `[123456]`, `[123456, 654321]`, `[ 123456 ]`, eight at most; and what models make of that: other brackets, those of the passages
 * they read, footnote signs, words for what the number is, the places of lines behind a dagger, other signs between two of them.
 */
const LABELS = ["id", "source", "passage", "document", "doc", "ref", "reference", "cite", "citation", "chunk"];
const LABEL = `(?:${LABELS.join("|")})s?`;
const LINES = "l\\d{1,6}(?:-l?\\d{1,6})?";
const NUMBER = `(?:[\\^#@/*"'“]{1,2}|${LABEL}[\\s:：=#_.]{1,2})?\\d{1,10}(?::\\d{1,3})?(?:†(?:${LABEL}|${LINES})?)?[*"'”.\\u200b]{0,2}`;
const BETWEEN = "(?:\\s?[,;|/&、，；–-]\\s?|,?\\s(?:and|or)\\s)";
const BRACKETED = `[[【［(<{〔〖]\\s?${NUMBER}(?:${BETWEEN}${NUMBER}){0,7}\\s?[\\]】］)>}〕〗]`;
/**
 * Or the number in other words, or by itself ("see 123456"), with the digits of the answer's script: what was drawn for this prompt
 * stands nowhere else.
 */
const BARE = `(?<!\\p{Nd})\\p{Nd}{${MARK_DIGITS}}(?!\\p{Nd})`;
// biome-ignore lint/suspicious/noControlCharactersInRegex: the range is the definition of ASCII
const MAY_HOLD_NUMBER = /[0-9]|[^\x00-\x7f]/;
const MARKED = new RegExp(`${BRACKETED}|${BARE}`, "giu");
/** As it was asked for: what the model made up is only taken for a mark, and away, where it stands like this. */
const AS_ASKED = /^\[[\d\s,;]*\]$/;
const LINK_TEXT = /\[[\d\s,;]*\]$/;
/**
 * The longest text that `BRACKETED` accepts: what is longer and still open will not become a mark. A number has 10 digits, and with all
 * that may stand around it 44 characters.
 */
const BRACKETED_CHARS_MAX = 2 + 2 + 8 * 44 + 7 * 6;
const BRACKETED_PREFIX = /^[[【［(<{〔〖][\d\s,;:：=^#†@/*"'“”_.|&、，；–\-\u200ba-z]*[\]】］)>}〕〗]?$/i;
const WORDS_IN_BRACKETS = [...LABELS.map((label) => `${label}s`), "and", "or", "l"];
const OPENERS = "[【［(<{〔〖";
/** The beginning of a number by itself, which may go on. */
const BEGUN_NUMBER = new RegExp(`\\p{Nd}{1,${MARK_DIGITS}}$`, "u");
/** White space before a mark that goes with it: what is more is text. Without a bound an answer of blanks would be read anew with each. */
const SPACE_CHARS_MAX = 100;
/** How far back the text that a mark closes is looked for. */
const CLAIM_CHARS_MAX = 4_000;

function contentStems(text: string): Set<string> {
  return new Set(
    tokenise(text)
      .filter((word) => !STOPWORDS.has(word))
      .map(stem),
  );
}

type Span = Pick<Citation, "start" | "end">;

/** The last sentence of `text`, without the stop that ends it. */
function lastSentence(text: string): string {
  const body = text.replace(/[\s.!?…]{1,9}$/u, "");
  let from = 0;
  for (const match of body.matchAll(/[.!?…]["'”’)]{0,2}\s+|\n+/g)) from = match.index + match[0].length;
  return body.slice(from).trim();
}

/** A chunk's text as what can support a claim; its units are read when the first claim asks for them, and once. */
class Support {
  readonly #text: string;
  #units: (Span & { stems: ReadonlySet<string> })[] | null = null;

  constructor(text: string) {
    this.#text = text;
  }

  /** The claim itself where it is a quotation, else the unit that shares most words. */
  spanOf(claim: string): Span {
    const last = lastSentence(claim);
    for (const quote of [claim.trim(), last]) {
      const at = /[\p{L}\p{N}]/u.test(quote) ? this.#text.indexOf(quote) : -1;
      if (at >= 0) return { start: at, end: at + quote.length };
    }
    const wanted = contentStems(last);
    let best = { start: 0, end: this.#text.length, score: 0 };
    this.#units ??= units(this.#text).map(({ start, end }) => {
      const part = this.#text.slice(start, end);
      return { start, end: start + part.trimEnd().length, stems: contentStems(part) };
    });
    for (const { start, end, stems } of this.#units) {
      let shared = 0;
      for (const word of wanted) if (stems.has(word)) shared++;
      // Cosine of the two word sets: a long sentence does not win by its length.
      const score = shared / Math.sqrt(Math.max(1, stems.size));
      if (score > best.score) best = { start, end, score };
    }
    return { start: best.start, end: best.end };
  }
}

type CitableSource = CitableChunk & { support: Support };

/**
 * Where the text that may still be part of a mark, or of the space before one, begins. `goes_on`: what was shown before ends with a digit.
 */
function heldFrom(text: string, goes_on: boolean): number {
  const bracket = bracketFrom(text);
  if (!endsInNumber(text)) return bracket;
  const number = BEGUN_NUMBER.exec(text)?.index ?? text.length;
  const isWhole = number === 0 ? !goes_on : !endsInNumber(text.slice(0, number));
  return isWhole ? Math.min(bracket, number) : bracket;
}

/** Asked for every piece of an answer: of most, one look at their last character is enough. */
function endsInNumber(text: string): boolean {
  const code = text.charCodeAt(text.length - 1);
  return code < 0x80 ? code >= 0x30 && code <= 0x39 : /\p{Nd}$/u.test(text.slice(-2));
}

function bracketFrom(text: string): number {
  let open = text.length - 1;
  while (text.length - open <= BRACKETED_CHARS_MAX && open >= 0 && !OPENERS.includes(text.charAt(open))) open--;
  const isGrowing = OPENERS.includes(text.charAt(open) || " ") && mayBecomeMark(text.slice(open));
  // Whether a number of its own goes before an address, as the text of a link, shows what follows it.
  const before =
    isGrowing && text.charAt(open) === "(" ? text.slice(Math.max(0, open - BRACKETED_CHARS_MAX), open) : "";
  const linked = LINK_TEXT.exec(before)?.[0].length ?? 0;
  return spaceStart(text, isGrowing ? open - linked : text.length);
}

function mayBecomeMark(begun: string): boolean {
  const isBegun = (word: string): boolean => WORDS_IN_BRACKETS.some((known) => known.startsWith(word.toLowerCase()));
  return BRACKETED_PREFIX.test(begun) && (begun.match(/[a-z]+/gi) ?? []).every(isBegun);
}

/** Where the white space before `end` begins that a mark there would take along. */
function spaceStart(text: string, end: number): number {
  let at = end;
  while (at > 0 && end - at < SPACE_CHARS_MAX && /\s/.test(text.charAt(at - 1))) at--;
  return at;
}

/**
 * State machine for an answer that arrives in pieces. Text is held back only while it could be the beginning of a
 * mark. One instance for each answer; `push` in order, then `finish` once.
 */
export class CitationStream {
  readonly #chunks: ReadonlyMap<number, CitableSource>;
  readonly #texts: readonly string[];
  #held = "";
  /** The text since the last mark: what the next one speaks for. */
  #claim = "";
  /** What the last mark spoke for, and which span of each chunk supports it: of marks in a row all ask the same. */
  #closed = "";
  readonly #spans = new Map<number, Span>();
  /** Length of the text so far. */
  #length = 0;
  /** Whether the last character so far is a digit: those that follow are of the same number. */
  #in_number = false;
  /** Marks that the model made up, in order. */
  readonly rejected: number[] = [];

  /** `texts`: all that the model was given to read. What stands there it may quote. */
  constructor(context: readonly CitableChunk[], texts: readonly string[]) {
    this.#texts = texts;
    this.#chunks = new Map(context.map((chunk) => [chunk.mark, { ...chunk, support: new Support(chunk.text) }]));
  }

  /** What can be shown after this piece. */
  push(piece: string): CheckedText {
    this.#held += piece;
    const keep = heldFrom(this.#held, this.#in_number);
    const ready = this.#held.slice(0, keep);
    this.#held = this.#held.slice(keep);
    return this.#check(ready);
  }

  /** What was held back when the answer ended. */
  finish(): CheckedText {
    const rest = this.#held;
    this.#held = "";
    return this.#check(rest);
  }

  #check(ready: string): CheckedText {
    const checked: CheckedText = { text: "", citations: [] };
    let from = 0;
    for (const match of MAY_HOLD_NUMBER.test(ready) ? ready.matchAll(MARKED) : []) {
      if (match.index === 0 && this.#in_number && /^\p{Nd}/u.test(ready)) continue;
      const marks = (match[0].match(/\p{Nd}+/gu) ?? []).map((digits) => Number(nameKey(digits)));
      const chunks = marks.flatMap((mark) => this.#chunks.get(mark) ?? []);
      const madeUp = marks.filter((mark) => !this.#chunks.has(mark));
      // A number that was not drawn and has an address behind it is the text of a link.
      const isLink = ready.charAt(match.index + match[0].length) === "(";
      const isText = isLink || !AS_ASKED.test(match[0]) || !madeUp.every((mark) => this.#isMadeUp(mark));
      if (chunks.length === 0 && isText) continue;
      this.rejected.push(...madeUp);
      const before = ready.slice(from, match.index);
      from = match.index + match[0].length;
      // A removed mark takes the space before it along.
      this.#say(checked, chunks.length === 0 ? before.slice(0, spaceStart(before, before.length)) : before);
      if (chunks.length === 0) continue;
      // Of two marks in a row the second speaks for the same text as the first.
      if (/[\p{L}\p{N}]/u.test(this.#claim)) {
        this.#closed = this.#claim;
        this.#spans.clear();
      }
      this.#claim = "";
      this.#cite(checked, chunks);
    }
    this.#say(checked, ready.slice(from));
    if (ready !== "") this.#in_number = endsInNumber(ready);
    return checked;
  }

  /** Whether a number that is no mark looks like one and was not read anywhere. */
  #isMadeUp(number: number): boolean {
    const digits = String(number);
    return digits.length === MARK_DIGITS && !this.#texts.some((text) => text.includes(digits));
  }

  #cite(checked: CheckedText, cited: readonly CitableSource[]): void {
    const mark_start = this.#length;
    const shown = `[${cited.map(({ chunk_id }) => chunk_id).join(", ")}]`;
    checked.text += shown;
    this.#length += shown.length;
    for (const { mark, chunk_id, support } of cited) {
      const span = this.#spans.get(mark) ?? support.spanOf(this.#closed);
      this.#spans.set(mark, span);
      checked.citations.push({ chunk_id, ...span, mark_start, mark_end: this.#length });
    }
  }

  #say(checked: CheckedText, text: string): void {
    checked.text += text;
    this.#length += text.length;
    this.#claim = (this.#claim + text).slice(-CLAIM_CHARS_MAX);
  }
}

/** Checks a whole answer; `rejected` are the marks removed, with repeats, in order. */
export function checkCitations(
  answer: string,
  context: readonly CitableChunk[],
  texts: readonly string[],
): CheckedText & { rejected: number[] } {
  const stream = new CitationStream(context, texts);
  const first = stream.push(answer);
  const last = stream.finish();
  return {
    text: first.text + last.text,
    citations: [...first.citations, ...last.citations],
    rejected: stream.rejected,
  };
}
