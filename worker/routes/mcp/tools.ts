/** The tools that assistants are offered: each a row that names its scope, and calls an operation. */
import type { z } from "@hono/zod-openapi";
import type { Scope } from "../../ground/principal.ts";
import { ANSWER_TOKENS_MAX, CHAT_TOP_K_DEFAULT, CONTEXT_TOKENS_DEFAULT, TOOL_TOKENS_MAX } from "../../limits.ts";
import { ask } from "../../operations/ask.ts";
import type { Outcome } from "../../operations/defer.ts";
import { deleteDocument } from "../../operations/delete-document.ts";
import { findDocument, pageOfDocuments, wholeDocument } from "../../operations/read-documents.ts";
import { search } from "../../operations/search.ts";
import { writeDocument } from "../../operations/write-document.ts";
import { documentInput } from "../../rag/ingest/document-input.ts";
import { estimateTokens } from "../../rag/text/tokens.ts";
import { askInput, deleteInput, getInput, listInput, putInput, searchInput } from "../../schemas/mcp.ts";
import type { Work } from "../../work.ts";
import { drain } from "../answer-stream.ts";

export interface Tool {
  name: string;
  title: string;
  description: string;
  scope: Scope;
  input: z.ZodObject;
  /** `destructive`: takes the place of what was there, or removes it. */
  effect: "none" | "destructive";
  /** What the assistant is handed, as JSON. `input` has passed the schema. */
  run(work: Work, input: unknown): Promise<object>;
}

/** Ties what a tool is run with to its schema. */
function tool<Input extends z.ZodObject>(
  row: Omit<Tool, "input" | "run"> & { input: Input; run(work: Work, input: z.infer<Input>): Promise<object> },
): Tool {
  return { ...row, run: (work, input) => row.run(work, input as z.infer<Input>) };
}

export const TOOLS: readonly Tool[] = [
  tool({
    name: "search",
    title: "Search documents",
    description:
      "Finds passages of the indexed documents by words and meaning, best first, with the id of the document each is from. " +
      "Use it to read what the documents say; use `ask` for a ready answer.",
    scope: "read",
    input: searchInput,
    effect: "none",
    async run(work, { query, top_k, filter }) {
      const request = { query, top_k, filter, offset: 0, mode: "hybrid" as const };
      const { value } = await search(work, { request, debug: false });
      const found = value.results.map(({ chunk_id, document_id, title, heading, text, url, scores }) => ({
        ...{ chunk_id, document_id, title, heading, text, url },
        score: scores.rerank ?? scores.fused,
      }));
      const { first: results, left_out } = fitting(found);
      return { results, left_out, degraded: value.degraded };
    },
  }),
  tool({
    name: "ask",
    title: "Ask the documents",
    description:
      "Answers one question from the indexed documents alone and cites the passages: `[17]` in the answer, between a citation's " +
      "`mark_start` and `mark_end`, is chunk 17 of `citations`; elsewhere it is text. `found` is false where the documents do not " +
      "hold the answer.",
    scope: "chat",
    input: askInput,
    effect: "none",
    async run(work, { question, filter }) {
      const limits = {
        top_k: CHAT_TOP_K_DEFAULT,
        max_context_tokens: CONTEXT_TOKENS_DEFAULT,
        max_answer_tokens: ANSWER_TOKENS_MAX,
      };
      const request = { message: question, history: [], filter, stream: false, ...limits };
      const { answer, found, grounded, citations, sources, degraded } = await drain(
        ask(work, { request, debug: false }),
      );
      const cited = citations.map(({ chunk_id, document_id, title, url, quote, mark_start, mark_end }) => ({
        ...{ chunk_id, document_id, title, url, quote, mark_start, mark_end },
      }));
      const { first, left_out } = fitting(cited);
      // Without an answer the passages are what there is.
      const rest = answer === null ? { sources: fitting(sources).first } : {};
      return { answer, found, grounded, citations: first, left_out, degraded, ...rest };
    },
  }),
  tool({
    name: "list_documents",
    title: "List documents",
    description: "Lists the indexed documents in the order of their ids, without their text; `next_cursor` goes on.",
    scope: "read",
    input: listInput,
    effect: "none",
    async run(work, input) {
      const { documents, next_cursor } = await pageOfDocuments(work, input);
      const { first, left_out } = fitting(
        documents.map(({ id, title, url, metadata, tokens, updated_at }) => ({
          ...{ id, title, url, metadata, tokens, updated_at },
        })),
      );
      return { documents: first, next_cursor: left_out === 0 ? next_cursor : (first.at(-1)?.id ?? null) };
    },
  }),
  tool({
    name: "get_document",
    title: "Read a document",
    description:
      "Reads a document's text, in parts if it is long: `next_chunk` is where the next part begins, null at its end.",
    scope: "read",
    input: getInput,
    effect: "none",
    async run(work, { id, from_chunk }) {
      const { title, url, metadata, updated_at, chunks } = await wholeDocument(work, await findDocument(work, id));
      const rest = chunks.slice(from_chunk);
      const { first, left_out } = fitting(rest.map(({ heading, text }) => ({ heading, text })));
      const next_chunk = left_out === 0 ? null : from_chunk + first.length;
      return { id, title, url, metadata, updated_at, chunks: first, next_chunk };
    },
  }),
  tool({
    name: "put_document",
    title: "Write a document",
    description:
      "Creates a document, or replaces the one of the same id, and indexes it. Ask the user before you replace one.",
    scope: "write",
    input: putInput,
    effect: "destructive",
    async run(work, input) {
      const outcome = await writeDocument(work, { document: documentInput(input) });
      if (!("done" in outcome)) return resultOf(outcome);
      const { created_at_ms: _, ...shown } = outcome.done;
      return shown;
    },
  }),
  tool({
    name: "delete_document",
    title: "Delete a document",
    description: "Deletes a document for good. Ask the user first.",
    scope: "write",
    input: deleteInput,
    effect: "destructive",
    async run(work, { id }) {
      return resultOf(await deleteDocument(work, { id })) ?? { id, status: "deleted" };
    },
  }),
];

/** What was done; or where the job stands that will do it, as while a store is being replaced. */
function resultOf<Done>(outcome: Outcome<Done>): Done | { job_id: string; status: "accepted" } {
  if ("done" in outcome) return outcome.done;
  const job_id = "deferred" in outcome ? outcome.deferred.job_id : "";
  return { job_id, status: "accepted" };
}

/** As many of `items`, from the first on, as an assistant is handed at once; one is always among them. */
function fitting<Item>(items: readonly Item[]): { first: Item[]; left_out: number } {
  let tokens = 0;
  let count = 0;
  for (const item of items) {
    tokens += estimateTokens(JSON.stringify(item));
    if (count > 0 && tokens > TOOL_TOKENS_MAX) break;
    count += 1;
  }
  return { first: items.slice(0, count), left_out: items.length - count };
}
