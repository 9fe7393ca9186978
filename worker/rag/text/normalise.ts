/**
 * The one form in which PRISM stores, hashes and chunks text, and the hash that says whether a document
 * has changed. Pure: the Worker uses it at ingest, `ops index update` uses it to predict what the Worker
 * will say, so both compare the same bytes.
 */
import { sha256 } from "../../ground/digest.ts";
import type { DocumentFormat, OutlineEntry } from "../../ground/document.ts";
import { withoutData } from "./data-uris.ts";

/** What a document says; two contents with the same {@link documentHash} need no new chunks and no new vectors. */
interface DocumentContent {
  title: string;
  text: string;
  url?: string | null;
  format?: DocumentFormat;
  outline?: readonly OutlineEntry[] | undefined;
  /** Flat JSON object; the order of its keys does not matter. */
  metadata?: Record<string, unknown>;
}

/**
 * Raise it when normalisation or chunking changes what is stored for the same input: every document then counts
 * as changed and is chunked again. Unchanged chunks still keep their vectors, because those go by chunk hash.
 */
export const HASH_SCHEME = "prism-document-2";
/** Likewise, for the few documents that hold files as text (`data-uris.ts`): raise it when others count as files. */
const HASH_SCHEME_OF_FILES = "prism-document-3";

const LINE_BREAKS = /\r\n?|[\u0085\u2028\u2029]/g;
// C0 without tab and line feed, DEL, C1, and the byte order mark wherever files were pasted together.
// biome-ignore lint/suspicious/noControlCharactersInRegex: removing control characters is the purpose
const UNWANTED = /[\u0000-\u0008\u000B-\u001F\u007F-\u009F\uFEFF]/g;
const NEEDS_WORK = /[^\t\n\u0020-\u007E]/;
/**
 * Unicode's Stream-Safe Text Format: after 30 marks in a row a combining grapheme joiner begins a new run.
 * https://www.unicode.org/reports/tr15/#Stream_Safe_Text_Format
 */
const MARKS_IN_A_ROW_MAX = 30;
const JOINER = "\u034F";
const MARK = `[\\p{M}--${JOINER}]`;
const BEGINS_WITH_MARK = new RegExp(`^${MARK}`, "v");
// Without the look-behind every place of a run would be tried as its beginning.
const TOO_MANY_MARKS = `(?<!${MARK})${MARK}{${MARKS_IN_A_ROW_MAX + 1},}`;
const LONG_RUN_OF_MARKS = new RegExp(TOO_MANY_MARKS, "v");
const LONG_RUNS_OF_MARKS = new RegExp(TOO_MANY_MARKS, "gv");
const MARKS_THAT_FIT = new RegExp(`${MARK}{${MARKS_IN_A_ROW_MAX}}(?=${MARK})`, "gv");

/**
 * Line endings become `\n`, text becomes NFC, byte order marks and control characters (all but tab and `\n`) go,
 * lone surrogates become U+FFFD because UTF-8 and D1 cannot hold them. A run of more than 30 marks, which no writing
 * system has, is divided by U+034F, because sorting the marks of one run costs the square of its length. Nothing else
 * is touched: spaces, blank lines and invisible joiners (emoji need them) stay. Idempotent, and linear.
 */
export function normaliseText(text: string): string {
  if (!NEEDS_WORK.test(text)) return text;
  // NFC comes last: removing a character can bring a base and its accent together.
  const clean = text.replace(LINE_BREAKS, "\n").replace(UNWANTED, "").toWellFormed();
  // The second pass finds what NFC itself made longer: U+0344 becomes two marks.
  return divideMarks(divideMarks(clean).normalize("NFC"));
}

function divideMarks(text: string): string {
  if (!holdsLongRunOfMarks(text)) return text;
  return text.replace(LONG_RUNS_OF_MARKS, (run) => run.replace(MARKS_THAT_FIT, `$&${JOINER}`));
}

/** Looks closely only where one in 31 code units is a mark: a run that is too long holds one of those. */
function holdsLongRunOfMarks(text: string): boolean {
  const step = MARKS_IN_A_ROW_MAX + 1;
  for (let at = MARKS_IN_A_ROW_MAX; at < text.length; at += step) {
    const code = text.charCodeAt(at);
    if (code < 0x300) continue;
    const first = code >= 0xdc00 && code < 0xe000 ? at - 1 : at;
    if (!BEGINS_WITH_MARK.test(text.slice(first, first + 2))) continue;
    // A mark has at most two code units.
    if (LONG_RUN_OF_MARKS.test(text.slice(Math.max(0, at - 2 * step), at + 2 * step))) return true;
  }
  return false;
}

/**
 * SHA-256 (lower-case hex) of a document's normalised title and text, its URL, format and metadata.
 * A missing `url` equals null, a missing `format` equals markdown, missing `metadata` equals `{}`. Of code, its outline counts too.
 */
export async function documentHash(content: DocumentContent): Promise<string> {
  const text = normaliseText(content.text);
  const framed = JSON.stringify([
    withoutData(text) === undefined ? HASH_SCHEME : HASH_SCHEME_OF_FILES,
    content.format ?? "markdown",
    normaliseText(content.title),
    content.url ?? null,
    sortKeys(content.metadata ?? {}),
    text,
    ...(content.outline === undefined ? [] : [content.outline.map(({ line, symbol }) => [line, symbol])]),
  ]);
  return sha256(framed);
}

/**
 * SHA-256 (lower-case hex) of what a chunk says. What is left out of the text (`original`) counts too: another image under the same words
 * is another chunk.
 */
export function chunkHash(chunk: {
  title: string;
  heading: string;
  text: string;
  original: string | null;
}): Promise<string> {
  const { title, heading, text, original } = chunk;
  return sha256(JSON.stringify([title, heading, text, ...(original === null ? [] : [original])]));
}

/** The same JSON value with object keys in code-unit order at every level. */
function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortKeys);
  if (value === null || typeof value !== "object") return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return Object.fromEntries(entries.map(([key, inner]) => [key, sortKeys(inner)]));
}
