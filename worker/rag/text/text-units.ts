/** Where text may be cut when a block is too big for one chunk. Every function tiles `[start, end)` without a gap. */

/** Calls `visit(start, end)` for each unit in order. */
export type Units = (text: string, start: number, end: number, visit: (start: number, end: number) => void) => void;

/** Ends of sentences in scripts with and without spaces; white space after them belongs to the sentence. */
const SENTENCE_END = /[.!?…]["'”’)\]]{0,4}\s+|[。！？]["'」』）]{0,4}\s*/g;
/** Small enough that several make a chunk, big enough that estimating each is cheap. */
const SPAN_CHARS = 64;

/** Lines with their line feed. */
export const lineUnits: Units = (text, start, end, visit) => {
  let at = start;
  while (at < end) {
    const feed = text.indexOf("\n", at);
    const stop = feed === -1 || feed >= end ? end : feed + 1;
    visit(at, stop);
    at = stop;
  }
};

/** Sentences; an abbreviation may end one early, which costs a cut in a block that had to be cut anyway. */
export const sentenceUnits: Units = (text, start, end, visit) => {
  const slice = text.slice(start, end);
  let at = 0;
  for (const match of slice.matchAll(SENTENCE_END)) {
    const stop = match.index + match[0].length;
    visit(start + at, start + stop);
    at = stop;
  }
  if (at < slice.length) visit(start + at, end);
};

/** Spans of about 64 characters, cut after white space where there is some, never inside a character. */
export const spanUnits: Units = (text, start, end, visit) => {
  let at = start;
  while (at < end) {
    const stop = at + SPAN_CHARS >= end ? end : spaceBefore(text, at, at + SPAN_CHARS);
    visit(at, stop);
    at = stop;
  }
};

function spaceBefore(text: string, start: number, limit: number): number {
  for (let at = limit; at > start + SPAN_CHARS / 2; at--) {
    const code = text.charCodeAt(at - 1);
    if (code === 32 || code === 9 || code === 10) return at;
  }
  return boundaryBefore(text, start, limit);
}

const JOINS_BACKWARD = /^(?:\p{M}|\u200D)/u;

/**
 * The nearest cut at or before `limit` (after `start`) that splits no surrogate pair, no accent off its base and no
 * joined emoji; if 16 places in a row would, the nearest that splits no surrogate pair.
 */
function boundaryBefore(text: string, start: number, limit: number): number {
  for (let at = limit; at > start && at > limit - 16; at--) {
    if (splitsPair(text, at) || text.charCodeAt(at - 1) === 0x200d) continue;
    if (!JOINS_BACKWARD.test(text.slice(at, at + 2))) return at;
  }
  return splitsPair(text, limit) ? limit - 1 : limit;
}

function splitsPair(text: string, at: number): boolean {
  return (text.charCodeAt(at) & 0xfc00) === 0xdc00 && (text.charCodeAt(at - 1) & 0xfc00) === 0xd800;
}

/** The first `chars_max` UTF-16 code units of a text, or one fewer rather than half a surrogate pair. */
export function cutSafely(text: string, chars_max: number): string {
  if (text.length <= chars_max) return text;
  return text.slice(0, splitsPair(text, chars_max) ? chars_max - 1 : chars_max);
}
