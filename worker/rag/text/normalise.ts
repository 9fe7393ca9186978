/**
 * The one form in which PRISM stores, hashes and chunks text, and the hash that says whether a document
 * has changed. Pure: the Worker uses it at ingest, `ops index update` uses it to predict what the Worker
 * will say, so both compare the same bytes.
 */
import { sha256 } from "../../ground/digest.ts";

/** What a document says; two contents with the same {@link documentHash} need no new chunks and no new vectors. */
export interface DocumentContent {
  title: string;
  text: string;
  url?: string | null;
  format?: "markdown" | "text";
  /** Flat JSON object; the order of its keys does not matter. */
  metadata?: Record<string, unknown>;
}

/**
 * Raise it when normalisation or chunking changes what is stored for the same input: every document then counts
 * as changed and is chunked again. Unchanged chunks still keep their vectors, because those go by chunk hash.
 */
const HASH_SCHEME = "prism-document-1";

const LINE_BREAKS = /\r\n?|[\u0085\u2028\u2029]/g;
// C0 without tab and line feed, DEL, C1, and the byte order mark wherever files were pasted together.
// biome-ignore lint/suspicious/noControlCharactersInRegex: removing control characters is the purpose
const UNWANTED = /[\u0000-\u0008\u000B-\u001F\u007F-\u009F\uFEFF]/g;
const NEEDS_WORK = /[^\t\n\u0020-\u007E]/;

/**
 * Line endings become `\n`, text becomes NFC, byte order marks and control characters (all but tab and `\n`) go,
 * lone surrogates become U+FFFD because UTF-8 and D1 cannot hold them. Nothing else is touched: spaces, blank
 * lines and invisible joiners (emoji need them) stay. Idempotent.
 */
export function normaliseText(text: string): string {
  if (!NEEDS_WORK.test(text)) return text;
  // NFC comes last: removing a character can bring a base and its accent together.
  return text.replace(LINE_BREAKS, "\n").replace(UNWANTED, "").toWellFormed().normalize("NFC");
}

/**
 * SHA-256 (lower-case hex) of a document's normalised title and text, its URL, format and metadata.
 * A missing `url` equals null, a missing `format` equals markdown, missing `metadata` equals `{}`.
 */
export async function documentHash(content: DocumentContent): Promise<string> {
  const framed = JSON.stringify([
    HASH_SCHEME,
    content.format ?? "markdown",
    normaliseText(content.title),
    content.url ?? null,
    sortKeys(content.metadata ?? {}),
    normaliseText(content.text),
  ]);
  return sha256(framed);
}

/** The same JSON value with object keys in code-unit order at every level. */
function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortKeys);
  if (value === null || typeof value !== "object") return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return Object.fromEntries(entries.map(([key, inner]) => [key, sortKeys(inner)]));
}
