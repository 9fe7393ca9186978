/** One file as a document: id, title, format and metadata derive from the file and its source alone. */
import { readFile } from "node:fs/promises";
import { basename, extname } from "node:path";
import { TITLE_CHARS_MAX } from "../../worker/limits.ts";
import { documentHash, normaliseText } from "../../worker/rag/text/normalise.ts";
import { cutSafely } from "../../worker/rag/text/text-units.ts";
import { INDEX_FILE_BYTES_MAX } from "../limits.ts";
import type { SourceFile } from "./sources.ts";
import { markdownTitle } from "./title.ts";

/** A document in the shape that `POST /api/v1/documents/batch` takes. */
export interface IndexDocument {
  id: string;
  title: string;
  text: string;
  format: "markdown" | "text";
  url: string | null;
  metadata: Record<string, string | number | boolean>;
}

export type ReadResult = { document: IndexDocument; content_hash: string } | { refused: string };

const MARKDOWN = new Set([".md", ".markdown", ".mdx"]);

/** The id that a file's document has: stable while the file keeps its collection and path. */
export function documentId(file: SourceFile): string {
  return `${file.source.collection}:${file.path}`;
}

/** Reads a file; what cannot be indexed (too big, not UTF-8, empty) is refused with the reason. */
export async function readDocument(file: SourceFile): Promise<ReadResult> {
  if (file.size_bytes > INDEX_FILE_BYTES_MAX)
    return {
      refused: `has ${file.size_bytes} bytes, at most ${INDEX_FILE_BYTES_MAX} are indexed; split it, or exclude it`,
    };
  let text: string;
  try {
    text = normaliseText(new TextDecoder("utf-8", { fatal: true }).decode(await readFile(file.absolute_path)));
  } catch {
    return { refused: "is not UTF-8 text; convert it, or exclude it" };
  }
  if (text.trim() === "") return { refused: "is empty; write it, or exclude it" };
  const format = MARKDOWN.has(extname(file.path).toLowerCase()) ? "markdown" : "text";
  const { collection, metadata, url } = file.source;
  const document: IndexDocument = {
    id: documentId(file),
    title: cutSafely(
      (format === "markdown" && markdownTitle(text)) || basename(file.path, extname(file.path)),
      TITLE_CHARS_MAX,
    ),
    text,
    format,
    url: url === undefined ? null : url.replace("{path}", file.path.split("/").map(encodeURIComponent).join("/")),
    metadata: { ...metadata, collection, path: file.path },
  };
  return { document, content_hash: await documentHash(document) };
}
