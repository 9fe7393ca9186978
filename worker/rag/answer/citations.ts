/**
 * Holds an answer to its context: a citation `[id]` of a chunk that the model was not given is removed and reported,
 * and each valid one gets the span of the chunk that supports the sentence it ends. Pure; `CitationStream` does the
 * same for an answer that arrives in pieces.
 *
 * What it does not do: prove that the cited text entails the sentence. The span is the best word overlap.
 */
import { units } from "../text/sentences.ts";
import { stem } from "../text/stem.ts";
import { STOPWORDS } from "../text/stopwords.ts";
import { tokenise } from "../text/words.ts";

/** A chunk that the model was given, with the whole text that spans point into. */
export interface CitableChunk {
  chunk_id: number;
  text: string;
}

/** A citation that stands in the answer. Offsets are UTF-16 code units of the chunk's text, end exclusive. */
export interface Citation {
  chunk_id: number;
  start: number;
  end: number;
}

/** `[12]`, `[12, 13]`, `[ 12 ]`, eight ids at most; not `[12](url)`, which is a Markdown link. */
const MARK = /\[\s?\d{1,10}(?:\s?[,;]\s?\d{1,10}){0,7}\s?\](?!\()/g;
/** The longest mark that `MARK` accepts: what is longer and still open will not become one. */
const MARK_CHARS_MAX = 2 + 2 + 8 * 10 + 7 * 3;
const MARK_PREFIX = /^\[[\d\s,;]*\]?$/;
/** How far back the sentence that a mark closes is looked for. */
const CLAIM_CHARS_MAX = 600;

function contentStems(text: string): Set<string> {
  return new Set(
    tokenise(text)
      .filter((word) => !STOPWORDS.has(word))
      .map(stem),
  );
}

/** The span of `chunk` that shares most words with `sentence`; a quoted sentence matches itself exactly. */
function supportingSpan(sentence: string, chunk: CitableChunk): Citation {
  const quote = sentence.trim();
  const at = quote.length > 0 ? chunk.text.indexOf(quote) : -1;
  if (at >= 0) return { chunk_id: chunk.chunk_id, start: at, end: at + quote.length };
  const wanted = contentStems(sentence);
  let best = { start: 0, end: chunk.text.length, score: 0 };
  for (const unit of units(chunk.text)) {
    const text = chunk.text.slice(unit.start, unit.end);
    const held = contentStems(text);
    let shared = 0;
    for (const word of held) if (wanted.has(word)) shared++;
    // Cosine of the two word sets: a long sentence does not win by its length.
    const score = shared / Math.sqrt(Math.max(1, held.size));
    if (score > best.score) best = { start: unit.start, end: unit.start + text.trimEnd().length, score };
  }
  return { chunk_id: chunk.chunk_id, start: best.start, end: best.end };
}

/** Ids in a mark, in order. */
function idsOf(mark: string): number[] {
  return (mark.match(/\d+/g) ?? []).map(Number);
}

/** The sentence that ends where `sent` ends: from the last sentence end or mark before it. */
function claimAtEnd(sent: string): string {
  const body = sent.replace(/[\s.!?…]{1,9}$/u, "").replace(/(?:\s?\[[\d,; ]{1,99}\]){1,9}$/, "");
  const claim = body.replace(/[\s.!?…]{1,9}$/u, "");
  let from = 0;
  for (const match of claim.matchAll(/[.!?…]["'”’)]{0,2}\s+|\n+|\]\s*/g)) from = match.index + match[0].length;
  return claim.slice(from).trim();
}

/** Where the text that may still be part of a mark, or of the space before one, begins. */
function heldFrom(text: string): number {
  const open = text.lastIndexOf("[");
  const growing = open >= 0 && text.length - open <= MARK_CHARS_MAX && MARK_PREFIX.test(text.slice(open));
  let at = growing ? open : text.length;
  while (at > 0 && /\s/.test(text.charAt(at - 1))) at--;
  return at;
}

/**
 * State machine for an answer that arrives in pieces. Text is held back only while it could be the beginning of a
 * citation. One instance for each answer; `push` in order, then `finish` once.
 */
export class CitationStream {
  private readonly chunks: ReadonlyMap<number, CitableChunk>;
  private held = "";
  /** The end of the text so far, for finding the sentence a mark closes. */
  private sent = "";
  /** Ids that the model cited without having been given them. */
  readonly rejected: number[] = [];

  constructor(context: readonly CitableChunk[]) {
    this.chunks = new Map(context.map((chunk) => [chunk.chunk_id, chunk]));
  }

  /** What can be shown after this piece: text with valid marks, and the citations in it. */
  push(piece: string): { text: string; citations: Citation[] } {
    this.held += piece;
    const keep = heldFrom(this.held);
    const ready = this.held.slice(0, keep);
    this.held = this.held.slice(keep);
    return this.emit(ready);
  }

  /** What was held back when the answer ended. */
  finish(): { text: string; citations: Citation[] } {
    const rest = this.held;
    this.held = "";
    return this.emit(rest);
  }

  private emit(ready: string): { text: string; citations: Citation[] } {
    const citations: Citation[] = [];
    let text = "";
    const say = (more: string): void => {
      text += more;
      this.sent = (this.sent + more).slice(-CLAIM_CHARS_MAX);
    };
    let from = 0;
    for (const match of ready.matchAll(MARK)) {
      let before = ready.slice(from, match.index);
      from = match.index + match[0].length;
      const ids = idsOf(match[0]);
      const valid = ids.filter((id) => this.chunks.has(id));
      this.rejected.push(...ids.filter((id) => !this.chunks.has(id)));
      // A removed mark takes the space before it along.
      if (valid.length === 0) before = before.trimEnd();
      say(before);
      if (valid.length === 0) continue;
      const claim = claimAtEnd(this.sent);
      for (const id of valid) {
        const chunk = this.chunks.get(id);
        if (chunk !== undefined) citations.push(supportingSpan(claim, chunk));
      }
      say(valid.length === ids.length ? match[0] : valid.map((id) => `[${id}]`).join(""));
    }
    say(ready.slice(from));
    return { text, citations };
  }
}

/**
 * Checks a whole answer: its text without citations of unknown chunks, the citations that stand, and the ids removed
 * (with repeats, in order).
 */
export function checkCitations(
  answer: string,
  context: readonly CitableChunk[],
): { text: string; citations: Citation[]; rejected: number[] } {
  const stream = new CitationStream(context);
  const first = stream.push(answer);
  const last = stream.finish();
  return {
    text: first.text + last.text,
    citations: [...first.citations, ...last.citations],
    rejected: stream.rejected,
  };
}
