/**
 * What assistants send to `POST /mcp` and to its tools, after the Model Context Protocol (https://modelcontextprotocol.io/specification).
 * The texts are read by models: they say what a tool is for and when not to use it.
 */
import { z } from "@hono/zod-openapi";
import { CHUNK_MAX_TOKENS, SEARCH_TOP_K_MAX, TOOL_LIST_DEFAULT, TOOL_LIST_MAX, TOOL_TOP_K_DEFAULT } from "../limits.ts";
import { filterSchema } from "../rag/search/filter.ts";
import { documentFields, documentId, plainText } from "./documents.ts";
import { chatRequest, searchRequest } from "./search.ts";

/** One message. Batches were in the protocol for three months of 2025 and are refused, as are answers: nothing is asked of a client. */
export const rpcMessage = z
  .strictObject({
    jsonrpc: z.literal("2.0"),
    id: z
      .union([z.string().max(200), z.int()])
      .optional()
      .openapi({ description: "Absent in notifications." }),
    method: z.string().min(1).max(100),
    params: z.record(z.string(), z.unknown()).optional(),
  })
  .openapi("RpcMessage", { example: { jsonrpc: "2.0", id: 1, method: "tools/list", params: {} } });

export const rpcAnswer = z
  .object({ jsonrpc: z.literal("2.0"), id: z.unknown(), result: z.unknown().optional(), error: z.unknown().optional() })
  .openapi("RpcAnswer", { description: "A result or an error of the protocol." });

const filter = filterSchema
  .optional()
  .describe('Only documents whose metadata match, e.g. {"collection": "runbooks"}.');
const id = documentId.describe("The document's id, as other tools name it.");

export const searchInput = z.strictObject({
  query: searchRequest.shape.query.describe("What to look for, in words that the documents may use."),
  top_k: z.int().min(1).max(SEARCH_TOP_K_MAX).default(TOOL_TOP_K_DEFAULT).describe("How many passages."),
  filter,
});

export const askInput = z.strictObject({
  question: chatRequest.shape.message.describe("One whole question; earlier ones are not known here."),
  filter,
});

export const listInput = z.strictObject({
  cursor: plainText.max(1024).optional().describe("`next_cursor` of the page before."),
  limit: z.int().min(1).max(TOOL_LIST_MAX).default(TOOL_LIST_DEFAULT),
  collection: plainText.max(256).optional(),
});

export const getInput = z.strictObject({
  id,
  from_chunk: z
    .int()
    .min(0)
    .default(0)
    .describe(`Where to go on: \`next_chunk\` of the part before. A chunk has ${CHUNK_MAX_TOKENS} tokens at most.`),
});

export const putInput = z.strictObject({ id, ...documentFields });
export const deleteInput = z.strictObject({ id });
