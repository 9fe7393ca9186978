/**
 * Files inside a text are part of the document, but nothing to search, embed or show a model: the data of data URIs
 * (https://www.rfc-editor.org/rfc/rfc2397), and base64 or hex that stands by itself, as in certificates, mails and JSON. Pure.
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
const DATA_URI = `\\bdata:(?=${MEDIA_TYPE},)[^\\s,]*,(${WRAPPED_DATA}|${DRAWING}|[ \\t]?${DATA})`;
/** Hashes, keys and tokens are shorter: somebody may look for one. */
const BARE_CHARS_MIN = 200;
const BARE = "[\\w+/-]";
/** Between two lines of it: written out in JSON, of string literals, behind the marks of comments and quotes. */
const BARE_BREAK = "(?:\\\\[rn]){0,2}[\"',]?(?:[ \\t]{0,40}\\n[ \\t]{0,40}[>#*\"' ]{0,4}|(?<=\\\\[rn]))";
const BARE_DATA = `(?<![\\w+/%.-])${BARE}{60,}(?:${BARE_BREAK}${BARE}{60,})*(?:(?:${BARE_BREAK}${BARE}{1,100})?={1,2}|${BARE_BREAK}${BARE}{1,100}(?=["']|\\n-----END))?`;
const ENCODED = new RegExp(`${DATA_URI}|(${BARE_DATA})`, "gi");
const LEFT_OUT = "…";
const UTF8 = new TextEncoder();

export interface ReadableText {
  /** The text with `…` in place of what is left out. */
  text: string;
  /** Where an offset of `text` lies in the original; monotone, and the end maps to the end. */
  originalOffset: (offset: number) => number;
}

/** The text without the files inside it, as far as `DATA_BYTES_MAX` goes; undefined when it has none. Linear. */
export function withoutData(original: string): ReadableText | undefined {
  /** Offsets in `text` after each mark, with what lies between the two texts from there on. */
  const marks: { after: number; shift: number }[] = [];
  let text = "";
  let copied = 0;
  let left_bytes = DATA_BYTES_MAX;
  for (const { index, 0: found, 1: of_uri, 2: bare = "" } of original.matchAll(ENCODED)) {
    if (of_uri === undefined && !isEncoded(bare)) continue;
    const data = of_uri ?? bare;
    // All of it may belong to one chunk.
    left_bytes -= UTF8.encode(JSON.stringify(data)).length;
    if (left_bytes < 0) break;
    const end = index + found.length;
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

/** Of the 64 letters each is another kind than the one before in six cases of ten, in a name in three. */
const TURNS_MIN = 0.45;
/** `+` and `/` are one in 32; between words they are one in six. */
const MARKS_MAX = 0.1;
/** Longer runs of letters of both cases and digits are no names, also where zeros in a row make one letter of them. */
const SURELY_ENCODED_CHARS = 1_000;

/** Whether a run is a file in base64 or hex, and no name, path or list of words. */
function isEncoded(run: string): boolean {
  const letters = run.match(/[A-Za-z\d]/g)?.length ?? 0;
  const marks = run.match(/[-+/_]/g)?.length ?? 0;
  if (letters + marks < BARE_CHARS_MIN) return false;
  const kinds = [/\d/, /[A-Z]/, /[a-z]/].filter((kind) => kind.test(run)).length;
  if (/^(?:0x)?(?=.*\d)(?=.*[a-f])[\da-f]+$/i.test(run)) return true;
  if (kinds < 3 || marks > MARKS_MAX * letters) return false;
  const turns = run.match(/\d+|[A-Z]+|[a-z]+/g)?.length ?? 0;
  return turns > TURNS_MIN * letters || letters >= SURELY_ENCODED_CHARS;
}
