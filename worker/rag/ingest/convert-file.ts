/** Files to Markdown: as they are, or by Workers AI's own conversion (`env.AI.toMarkdown`), which is handed checked bytes only. */
import { Problem } from "../../ground/problem.ts";
import { CONVERSION_REASON_CHARS_MAX, CONVERSION_RETRY_AFTER_S, DOCUMENT_TEXT_CHARS_MAX } from "../../limits.ts";
import type { GuardedAi } from "../../store/dependencies.ts";
import { FILE_KINDS, fileFlaw } from "./file-type.ts";
import { isScanned, withoutWrapping } from "./paged-text.ts";
import { isPlainlyUtf8, textOfBytes } from "./text-encoding.ts";

/** A file as it was received. */
export interface ReceivedFile {
  /** As the caller names it; "" for a body without a name. */
  name: string;
  media_type: string;
  /** Of text: the encoding that was declared with it, by the name that `TextDecoder` has for it. */
  charset: string | undefined;
  bytes: Uint8Array;
}

interface FileText {
  text: string;
  format: "markdown" | "text";
}

/**
 * What the file says. A page of a PDF is under the heading `Page 2`, a sheet of a workbook under its name.
 * @throws Problem when the file is not what it says, cannot be read, holds no text, or too much of it; `conversion-down` while
 * Workers AI does not answer.
 */
export async function textOfFile(ai: Pick<GuardedAi, "toMarkdown">, file: ReceivedFile): Promise<FileText> {
  const { media_type, bytes, charset } = file;
  const kind = FILE_KINDS[media_type];
  if (kind?.by === "operator") throw new Problem("unsupported-media-type", BY_OPERATOR);
  const flaw = fileFlaw(media_type, bytes, charset);
  if (flaw !== null) throw new Problem("file-refused", `Nothing was written: the file ${flaw}.`);
  if (kind?.by !== "service") {
    const text = textOfBytes(bytes, media_type, charset) ?? "";
    return { text: bounded(text), format: kind?.by === "text" ? "text" : "markdown" };
  }
  const markdown = await convert(ai, file);
  if (media_type === "application/pdf" && isScanned(markdown)) {
    const detail =
      "Nothing was written: its pages hold images and no text. Run text recognition (OCR) over the file first, such as with ocrmypdf.";
    throw new Problem("file-refused", detail);
  }
  if (markdown.trim() === "") throw new Problem("file-refused", "Nothing was written: the file holds no text.");
  return { text: bounded(markdown), format: "markdown" };
}

const BY_OPERATOR =
  "Workers AI does not convert presentations and books. Put the file into a source of `ops index update`, which converts it, or send it as a PDF.";

/** Only the file's own words: what a model would make of its pictures costs neurons, and nobody wrote it. */
const WITHOUT_MODELS: ConversionRequestOptions = {
  conversionOptions: {
    html: { images: { convert: false, convertOGImage: false } },
    docx: { images: { convert: false } },
    pdf: { images: { convert: false }, metadata: false },
  },
};

async function convert(ai: Pick<GuardedAi, "toMarkdown">, file: ReceivedFile): Promise<string> {
  const { name, media_type } = file;
  const ending = FILE_KINDS[media_type]?.extensions[0] ?? "";
  // The service goes by name and type alike: a name that says otherwise must not decide.
  const known = name.toLowerCase().endsWith(ending) ? name : `${name || "file"}${ending}`;
  const blob = new Blob([knowable(file)], { type: media_type });
  const answer = await ai.toMarkdown({ name: known, blob }, WITHOUT_MODELS).catch((cause: unknown) => {
    const detail = "Workers AI does not convert files at the moment; nothing was written.";
    throw new Problem("conversion-down", detail, { retry_after_s: CONVERSION_RETRY_AFTER_S, cause });
  });
  if (answer.format !== "error") return withoutWrapping(answer.data, known);
  const reason = answer.error.slice(0, CONVERSION_REASON_CHARS_MAX);
  throw new Problem("file-refused", `Nothing was written: the file could not be converted (${reason}).`);
}

/** Bytes that say in which encoding they are, since a declaration does not go along: others become UTF-8 with a byte order mark. */
function knowable({ media_type, charset, bytes }: ReceivedFile): Uint8Array<ArrayBuffer> | string {
  if (FILE_KINDS[media_type]?.sign !== "text" || isPlainlyUtf8(bytes, media_type, charset))
    return bytes as Uint8Array<ArrayBuffer>;
  return `\uFEFF${textOfBytes(bytes, media_type, charset) ?? ""}`;
}

function bounded(text: string): string {
  if (text.length <= DOCUMENT_TEXT_CHARS_MAX) return text;
  const detail = `Nothing was written: the file holds ${text.length} characters of text, at most ${DOCUMENT_TEXT_CHARS_MAX} make a document. Split it.`;
  throw new Problem("file-refused", detail);
}
