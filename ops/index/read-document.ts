/** One file as a document: id, title, format and metadata derive from the file and its source alone. */
import { readFile } from "node:fs/promises";
import { basename, extname } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { sha256 } from "../../worker/ground/digest.ts";
import type { DocumentInput } from "../../worker/ground/document.ts";
import { FILE_BODY_BYTES_MAX, TITLE_CHARS_MAX } from "../../worker/limits.ts";
import { FILE_KINDS, fileFlaw, mediaTypeOfName } from "../../worker/rag/ingest/file-type.ts";
import { fileTitle } from "../../worker/rag/ingest/paged-text.ts";
import { textOfBytes } from "../../worker/rag/ingest/text-encoding.ts";
import { documentHash, HASH_SCHEME, normaliseText } from "../../worker/rag/text/normalise.ts";
import { cutSafely } from "../../worker/rag/text/text-units.ts";
import { CONVERTER_VERSION, convertFile } from "../convert/convert-file.ts";
import { INDEX_FILE_BYTES_MAX } from "../limits.ts";
import { grammarOf } from "./languages.ts";
import { outlineOf } from "./outline.ts";
import type { StoredDocument } from "./plan.ts";
import type { Refusals } from "./refusals.ts";
import { type SourceFile, whyUnread } from "./sources.ts";
import { markdownTitle } from "./title.ts";

/**
 * Without a `document` the service holds what the file would become. `is_gone`: the file holds no text any more, so the index must not
 * hold any either.
 */
type ReadResult =
  | { document: DocumentInput; content_hash: string; is_converted: boolean }
  | { content_hash: string }
  | { refused: string; is_gone: boolean };

/**
 * Git LFS: keys in this order, less than 1024 bytes (https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md). git-annex: the path
 * of the content (https://git-annex.branchable.com/internals/pointer_file/), or of its link where links are checked out as text. All as
 * any checkout may have made them, with a byte order mark or CRLF.
 */
const LFS_POINTER =
  /^version https:\/\/(?:git-lfs|hawser)\.github\.com\/spec\/v\d+\n(?:.*\n)*?oid sha256:[0-9a-f]{64}\n/;
const ANNEX_POINTER = /^(?:(?:\.\.\/)*\.git)?\/annex\/objects\/[^\n]+\n?$/;
const POINTER_BYTES_MAX = 1024;

/** A text of nothing else is empty to its readers. */
const INVISIBLE = /\p{DI}+/gu;

/** What to do about a file that only says where its text is; undefined for others. */
function pointerFlaw(bytes: Buffer): string | undefined {
  if (bytes.length >= POINTER_BYTES_MAX) return undefined;
  const text = normaliseText(bytes.toString());
  if (LFS_POINTER.test(text))
    return "is a Git LFS pointer and not its text; fetch the text (git lfs pull) into a folder source, or exclude it";
  return ANNEX_POINTER.test(text)
    ? "is a git-annex pointer and not its text; fetch the text (git annex get) into a folder source, or exclude it"
    : undefined;
}

/** The id that a file's document has: stable while the file keeps its collection and path. */
export function documentId(file: Pick<SourceFile, "source" | "path">): string {
  return `${file.source.collection}:${file.path}`;
}

/**
 * Reads a file, or converts it to Markdown where its kind is one that is, unless `stored` was made of the same bytes in the same way, or
 * `refusals` (what is found is added) say why it cannot be. What cannot be indexed (too big, unreadable, not UTF-8, empty, a pointer of
 * Git LFS or git-annex) is refused with the reason.
 */
export async function readDocument(
  file: SourceFile,
  {
    stored,
    refusals,
    signal,
  }: { stored?: StoredDocument | undefined; refusals?: Refusals | undefined; signal?: AbortSignal | undefined } = {},
): Promise<ReadResult> {
  const kept = (refused: string): ReadResult => ({ refused, is_gone: false });
  const gone = (refused: string): ReadResult => ({ refused, is_gone: true });
  const media_type = mediaTypeOfName(file.path);
  const converter = media_type === undefined ? undefined : FILE_KINDS[media_type]?.by;
  const isConverted = converter === "service" || converter === "operator";
  const bytes_max = isConverted ? FILE_BODY_BYTES_MAX : INDEX_FILE_BYTES_MAX;
  if (file.size_bytes > bytes_max)
    return kept(`has ${file.size_bytes} bytes, at most ${bytes_max} are indexed; split it, or exclude it`);
  let bytes: Buffer;
  try {
    bytes = await readFile(file.absolute_path);
  } catch (error) {
    return kept(whyUnread(error));
  }
  const flaw = pointerFlaw(bytes);
  if (flaw !== undefined) return gone(flaw);
  const { collection, url: link } = file.source;
  const url =
    link === undefined ? null : link.replaceAll("{path}", file.path.split("/").map(encodeURIComponent).join("/"));
  const metadata: DocumentInput["metadata"] = { ...file.source.metadata, collection, path: file.path };
  const source_hash = isConverted ? await sourceHash(bytes) : "";
  if (isConverted) metadata.source_hash = source_hash;
  if (isConverted && stored?.url === url && isDeepStrictEqual(stored.metadata, metadata))
    return { content_hash: stored.content_hash };
  let text: string;
  if (isConverted && media_type !== undefined) {
    const known = refusals?.get(source_hash);
    const converted = known === undefined ? await convertFile({ media_type, bytes }, signal) : { refused: known };
    if ("refused" in converted) {
      refusals?.delete(source_hash);
      if (!("may_pass" in converted)) refusals?.set(source_hash, converted.refused);
      return kept(`${converted.refused}, or exclude it`);
    }
    text = normaliseText(converted.markdown);
  } else {
    const flaw = bytes.length === 0 ? null : fileFlaw("text/plain", bytes);
    if (flaw !== null) return kept(`${flaw}; convert it, or exclude it`);
    text = normaliseText(textOfBytes(bytes, "text/plain") ?? "");
  }
  if (text.replace(INVISIBLE, "").trim() === "") return gone("is empty; write it, or exclude it");
  const grammar = grammarOf(extname(file.path).toLowerCase());
  const isMarkdown = converter === "markdown" || isConverted;
  const format = grammar !== undefined ? "code" : isMarkdown ? "markdown" : "text";
  const outline = grammar ? await outlineOf(text, grammar) : undefined;
  const own_title = isConverted ? fileTitle(basename(file.path), media_type ?? "", text) : undefined;
  const document: DocumentInput = {
    id: documentId(file),
    title: cutSafely(
      // Of code, the whole path is the heading that its declarations stand under.
      own_title ||
        (format === "markdown" && markdownTitle(text)) ||
        (format === "code" ? file.path : basename(file.path, extname(file.path))),
      TITLE_CHARS_MAX,
    ),
    text,
    format,
    ...(outline && { outline }),
    url,
    metadata,
  };
  return { document, content_hash: await documentHash(document), is_converted: isConverted };
}

/** Of a file that is converted, all that its text depends on: kept with the document, it says that the work has been done. */
async function sourceHash(bytes: Uint8Array): Promise<string> {
  return sha256(JSON.stringify([HASH_SCHEME, CONVERTER_VERSION, await sha256(bytes)]));
}
