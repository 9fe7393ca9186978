/**
 * Data URIs (RFC 2397) are files inside a text: part of the document, but nothing to search, embed or show a model.
 * https://www.rfc-editor.org/rfc/rfc2397. Pure.
 */
import { DATA_BYTES_MAX } from "../../limits.ts";

/** What is shorter costs less than a sentence, and may be an example that a text explains. */
const DATA_CHARS_MIN = 64;
const MEDIA_TYPE = '(?:[\\w.+-]+/[\\w.+-]+)?(?:;[\\w.+-]+(?:="?[\\w.+-]+"?)?)*';
/** Characters of a URL, without the brackets and quotes that end one in Markdown, HTML and CSS. */
const DATA = `[\\w%+/=.~!$&*;:@,?#-]{${DATA_CHARS_MIN},}`;
/** Base64 as mail has it, in lines; the last one may be short where it shows that it is an end. */
const BASE64 = "[\\w+/=-]";
const LINE_BREAK = "(?:[ \\t]{0,40}\\n[ \\t]{0,40}|[ \\t])";
const WRAPPED_DATA = `(?<=;base64,)(?:${LINE_BREAK})?${BASE64}{40,}(?:${LINE_BREAK}${BASE64}{40,})+(?:${LINE_BREAK}(?:${BASE64}*=|${BASE64}+(?=["')>])))?`;
/**
 * Not encoded, or with quotes and blanks that are not, as browsers take it. It ends before the next one begins, so that each is read
 * once.
 */
const DRAWN = "(?![\\w-])(?:(?!data:)[\\s\\S])*?";
const DRAWING = `(?<=svg\\+xml[^,\\s]{0,80},)(?:<svg${DRAWN}</svg>|%3Csvg${DRAWN}%3C(?:/|%2F)svg%3E)`;
const DATA_URI = new RegExp(`\\bdata:(?=${MEDIA_TYPE},)[^\\s,]*,(${WRAPPED_DATA}|${DRAWING}|[ \\t]?${DATA})`, "gi");
const LEFT_OUT = "…";
const UTF8 = new TextEncoder();

export interface ReadableText {
  /** The text with `…` in place of the data of each data URI. */
  text: string;
  /** Where an offset of `text` lies in the original; monotone, and the end maps to the end. */
  originalOffset: (offset: number) => number;
}

/** The text without the data of its data URIs, as far as `DATA_BYTES_MAX` goes; undefined when it has none. Linear. */
export function withoutData(original: string): ReadableText | undefined {
  if (!/data:/i.test(original)) return undefined;
  /** Offsets in `text` after each mark, with what lies between the two texts from there on. */
  const marks: { after: number; shift: number }[] = [];
  let text = "";
  let copied = 0;
  let left_bytes = DATA_BYTES_MAX;
  for (const { index, 0: uri, 1: data = "" } of original.matchAll(DATA_URI)) {
    // All of it may belong to one chunk.
    left_bytes -= UTF8.encode(JSON.stringify(data)).length;
    if (left_bytes < 0) break;
    const end = index + uri.length;
    text += original.slice(copied, end - data.length) + LEFT_OUT;
    copied = end;
    marks.push({ after: text.length, shift: end - text.length });
  }
  if (marks.length === 0) return undefined;
  const originalOffset = (offset: number): number => {
    // By halves: a text may hold thousands of small images.
    let low = 0;
    for (let high = marks.length; low < high; ) {
      const middle = (low + high) >>> 1;
      if ((marks[middle]?.after ?? 0) <= offset) low = middle + 1;
      else high = middle;
    }
    return offset + (marks[low - 1]?.shift ?? 0);
  };
  return { text: text + original.slice(copied), originalOffset };
}
