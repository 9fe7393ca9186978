/** From a document in a request to what ingestion takes. */
import type { z } from "zod";
import { TITLE_CHARS_MAX } from "../../limits.ts";
import type { documentBody } from "../../schemas/documents.ts";
import { scanMarkdown } from "../text/markdown-blocks.ts";
import { normaliseText } from "../text/normalise.ts";
import type { DocumentInput } from "./ingest.ts";

/** A document as a request carries it: one of the schemas above, with its id. */
export type RequestedDocument = z.infer<typeof documentBody> & { id: string };

export function documentInput(body: RequestedDocument): DocumentInput {
  const { id, text, format, metadata } = body;
  return { id, text, format, metadata, title: body.title ?? defaultTitle(id, text, format), url: body.url ?? null };
}

/** The first heading outside code, or the id. */
function defaultTitle(id: string, text: string, format: "markdown" | "text"): string {
  const heading =
    format === "markdown" ? scanMarkdown(normaliseText(text)).find(({ kind }) => kind === "heading") : undefined;
  return (heading?.title || id).slice(0, TITLE_CHARS_MAX);
}
