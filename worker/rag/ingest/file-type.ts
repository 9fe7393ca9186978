/**
 * What kind of file a caller sent: by what it declares and by what it is, which must agree. Pure, and in time that does not
 * depend on what is inside: nothing is inflated or parsed here.
 */
import { FILE_ENTRIES_MAX, FILE_INFLATED_BYTES_MAX } from "../../limits.ts";
import { textOfBytes } from "./text-encoding.ts";
import { readZipDirectory } from "./zip-directory.ts";

/** How the bytes of a kind of file begin, or which entry its archive must have. */
type Sign = { starts: string } | { holds: string } | "text";

interface FileKind {
  /** With the dot, the usual one first. */
  extensions: readonly string[];
  /** `markdown` and `text` are indexed as they are; `service` is what Workers AI converts; `operator` is converted by ops alone. */
  by: "markdown" | "text" | "service" | "operator";
  sign: Sign;
  /** Its headings are those of its pages, slides or sheets. */
  in_parts?: true;
}

const OFFICE = "application/vnd.openxmlformats-officedocument";
const OPEN_DOCUMENT = "application/vnd.oasis.opendocument";

/** By media type. What Workers AI takes: https://developers.cloudflare.com/workers-ai/features/markdown-conversion/supported-formats/ */
export const FILE_KINDS: Readonly<Record<string, FileKind>> = {
  "text/markdown": { extensions: [".md", ".markdown", ".mdx"], by: "markdown", sign: "text" },
  "text/plain": { extensions: [".txt"], by: "text", sign: "text" },
  "text/html": { extensions: [".html", ".htm"], by: "service", sign: "text" },
  "text/csv": { extensions: [".csv"], by: "service", sign: "text" },
  "application/pdf": { extensions: [".pdf"], by: "service", sign: { starts: "%PDF-" }, in_parts: true },
  [`${OFFICE}.wordprocessingml.document`]: {
    extensions: [".docx"],
    by: "service",
    sign: { holds: "word/document.xml" },
  },
  [`${OFFICE}.spreadsheetml.sheet`]: {
    extensions: [".xlsx"],
    by: "service",
    sign: { holds: "xl/workbook.xml" },
    in_parts: true,
  },
  [`${OPEN_DOCUMENT}.text`]: { extensions: [".odt"], by: "service", sign: { holds: "content.xml" } },
  [`${OPEN_DOCUMENT}.spreadsheet`]: {
    extensions: [".ods"],
    by: "service",
    sign: { holds: "content.xml" },
    in_parts: true,
  },
  [`${OFFICE}.presentationml.presentation`]: {
    extensions: [".pptx"],
    by: "operator",
    sign: { holds: "ppt/presentation.xml" },
    in_parts: true,
  },
  [`${OPEN_DOCUMENT}.presentation`]: {
    extensions: [".odp"],
    by: "operator",
    sign: { holds: "content.xml" },
    in_parts: true,
  },
  "application/epub+zip": { extensions: [".epub"], by: "operator", sign: { holds: "META-INF/container.xml" } },
};

/** `%PDF-` may stand behind some bytes of anything: PDF 32000-1, note 13 of annex H. */
const START_WITHIN_BYTES = 1_024;
const ZIP_START = [0x50, 0x4b];
/** `%PDF-` */
const PDF_START = [0x25, 0x50, 0x44, 0x46, 0x2d];
/** `{\rtf` */
const RTF_START = [0x7b, 0x5c, 0x72, 0x74, 0x66];

/** The media type that a file's name tells; undefined for a kind that nobody takes. */
export function mediaTypeOfName(name: string): string | undefined {
  const ending = /\.[^./\\]+$/.exec(name.toLowerCase())?.[0] ?? "";
  return Object.keys(FILE_KINDS).find((type) => FILE_KINDS[type]?.extensions.includes(ending));
}

/**
 * Why these bytes are not (or not safely) a file of `type`, completing "the file …"; null where nothing speaks against it.
 * An archive that announces more than it may hold is refused by its directory. `charset`: of text, what was declared with it.
 */
export function fileFlaw(type: string, bytes: Uint8Array, charset?: string): string | null {
  const sign = FILE_KINDS[type]?.sign;
  if (bytes.length === 0) return "is empty";
  if (sign === undefined) return "is of a kind that is not taken";
  if (sign === "text") return textFlaw(type, bytes, charset);
  if ("starts" in sign) return startsWith(bytes, sign.starts) ? null : `is no ${type}: it does not begin as one`;
  const entries = isZip(bytes) ? readZipDirectory(bytes, FILE_ENTRIES_MAX) : null;
  if (entries === null) return "is damaged, encrypted, or no archive of the kind that its type says";
  if (!entries.some(({ name }) => name === sign.holds)) return `is no ${type}: it has no ${sign.holds}`;
  const inflated = entries.reduce((sum, entry) => sum + entry.bytes, 0);
  return inflated > FILE_INFLATED_BYTES_MAX
    ? `inflates to ${inflated} bytes, at most ${FILE_INFLATED_BYTES_MAX} are read`
    : null;
}

function textFlaw(type: string, bytes: Uint8Array, charset: string | undefined): string | null {
  // Text may begin with `PK`, and tell of `%PDF-` further down.
  if (beginsWith(bytes, PDF_START)) return NO_TEXT;
  // Its marks would be taken for words.
  if (beginsWith(bytes, RTF_START)) return "is RTF, which is not converted";
  // Archives hold zeros, and mostly PDFs, too.
  return textOfBytes(bytes, type, charset)?.includes("\0") === false ? null : NO_TEXT;
}

const NO_TEXT = "is not UTF-8 text, and neither a `charset` nor a byte order mark says what else it is";

function isZip(bytes: Uint8Array): boolean {
  return beginsWith(bytes, ZIP_START);
}

function beginsWith(bytes: Uint8Array, start: readonly number[]): boolean {
  return start.every((byte, index) => bytes[index] === byte);
}

function startsWith(bytes: Uint8Array, mark: string): boolean {
  return new TextDecoder("latin1").decode(bytes.subarray(0, START_WITHIN_BYTES)).includes(mark);
}
