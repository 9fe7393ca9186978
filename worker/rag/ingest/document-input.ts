/** From a document in a request to what ingestion takes. */
import type { DocumentFormat, DocumentInput } from "../../ground/document.ts";
import { TITLE_CHARS_MAX } from "../../limits.ts";
import { withoutData } from "../text/data-uris.ts";
import { scanMarkdown } from "../text/markdown-blocks.ts";
import { normaliseText } from "../text/normalise.ts";
import { cutSafely } from "../text/text-units.ts";

/** A document as a caller sends it. */
export interface RequestedDocument extends Omit<DocumentInput, "title" | "url"> {
  title?: string | undefined;
  url?: string | null | undefined;
}

export function documentInput(body: RequestedDocument): DocumentInput {
  const { id, text, format, outline, metadata } = body;
  return {
    id,
    text,
    format,
    outline,
    metadata,
    title: body.title ?? defaultTitle(id, text, format),
    url: body.url ?? null,
  };
}

/** The first heading outside code, or the id. */
function defaultTitle(id: string, text: string, format: DocumentFormat): string {
  if (format !== "markdown") return cutSafely(id, TITLE_CHARS_MAX);
  const normalised = normaliseText(text);
  const heading = scanMarkdown(withoutData(normalised)?.text ?? normalised).find(({ kind }) => kind === "heading");
  return cutSafely(heading?.title || id, TITLE_CHARS_MAX);
}
