/** Search and chat requests and answers. */
import { z } from "@hono/zod-openapi";
import {
  ANSWER_TOKENS_MAX,
  CHAT_TOP_K_DEFAULT,
  CONTEXT_TOKENS_DEFAULT,
  CONTEXT_TOKENS_MAX,
  CONTEXT_TOKENS_MIN,
  HISTORY_MESSAGE_CHARS_MAX,
  HISTORY_MESSAGE_TOKENS_MAX,
  HISTORY_MESSAGES_MAX,
  HISTORY_TOKENS_MAX,
  QUERY_CHARS_MAX,
  SEARCH_TOP_K_DEFAULT,
  SEARCH_TOP_K_MAX,
} from "../limits.ts";
import { ENDINGS } from "../rag/answer/answer.ts";
import { CHAT_MODEL_NAMES } from "../rag/answer/chat-models.ts";
import { filterSchema } from "../rag/search/filter.ts";
import { NOT_BLANK, plainText } from "./documents.ts";

const question = plainText
  .max(QUERY_CHARS_MAX)
  .refine((text) => text.trim() !== "", "must not be empty")
  .openapi({ pattern: NOT_BLANK });

export const searchRequest = z
  .strictObject({
    query: question.openapi({ example: "how do I rotate a leaked key" }),
    top_k: z.int().min(1).max(SEARCH_TOP_K_MAX).default(SEARCH_TOP_K_DEFAULT),
    offset: z.int().min(0).max(SEARCH_TOP_K_MAX).default(0).openapi({ description: "Rank of the first result." }),
    mode: z.enum(["hybrid", "text", "vector"]).default("hybrid"),
    filter: filterSchema.optional(),
  })
  .openapi("SearchRequest");

const scores = z.object({
  text: z.number().optional(),
  vector: z.number().optional(),
  fused: z.number(),
  rerank: z.number().optional(),
});

const searchHit = z
  .object({
    chunk_id: z.number().int(),
    document_id: z.string(),
    title: z.string(),
    heading: z.string(),
    text: z.string(),
    url: z.string().nullable(),
    metadata: z.record(z.string(), z.unknown()),
    tokens: z.number().int(),
    scores,
  })
  .openapi("SearchHit");

export const searchAnswer = z
  .object({
    results: z.array(searchHit),
    degraded: z.array(z.string()).openapi({ description: "What did not work; empty when everything did." }),
    debug: z.unknown().optional(),
  })
  .openapi("SearchAnswer");
export type SearchAnswer = z.infer<typeof searchAnswer>;

const turn = z
  .strictObject({
    role: z.enum(["user", "assistant"]),
    content: plainText.max(HISTORY_MESSAGE_CHARS_MAX),
  })
  .openapi("ChatTurn", { example: { role: "user", content: "How long is an old key accepted after a rotation?" } });

export const chatRequest = z
  .strictObject({
    message: question.openapi({ example: "What do I do when an API key has leaked?" }),
    history: z
      .array(turn)
      .max(HISTORY_MESSAGES_MAX)
      .default([])
      .openapi({
        description:
          `Earlier messages, oldest first; the service keeps none. Of the last ones, up to ${HISTORY_TOKENS_MAX} tokens and ` +
          `${HISTORY_MESSAGE_TOKENS_MAX} of each, is taken what \`message\` leaves out: see \`standalone_question\`.`,
      }),
    model: z.enum(CHAT_MODEL_NAMES).optional().openapi({ description: "Default: DEFAULT_MODEL." }),
    stream: z.boolean().default(false),
    top_k: z.int().min(1).max(SEARCH_TOP_K_MAX).default(CHAT_TOP_K_DEFAULT),
    filter: filterSchema.optional(),
    max_context_tokens: z.int().min(CONTEXT_TOKENS_MIN).max(CONTEXT_TOKENS_MAX).default(CONTEXT_TOKENS_DEFAULT),
    max_answer_tokens: z.int().min(1).max(ANSWER_TOKENS_MAX).default(ANSWER_TOKENS_MAX),
    session: plainText.max(128).optional().openapi({ description: "Opaque; for usage figures only." }),
  })
  .openapi("ChatRequest");

const citation = z
  .object({
    chunk_id: z.number().int(),
    document_id: z.string(),
    title: z.string(),
    heading: z.string().openapi({
      description:
        "The headings above the quote, outermost first. Of files: `Page 5`, `Slide 2: Results`, a sheet's name, a book's chapter; " +
        "far below in a table also its first row.",
    }),
    url: z.string().nullable(),
    start: z.number().int().openapi({ description: "Span in the chunk's text, UTF-16 code units." }),
    end: z.number().int(),
    quote: z.string(),
    mark_start: z.number().int().openapi({
      description:
        "Where `answer` shows the citation, UTF-16 code units. Other numbers in brackets are text of the answer.",
    }),
    mark_end: z.number().int(),
  })
  .openapi("Citation");

const source = z
  .object({
    chunk_id: z.number().int(),
    document_id: z.string(),
    title: z.string(),
    heading: z.string(),
    url: z.string().nullable(),
    text: z.string().openapi({ description: "What of the chunk the model was given, verbatim." }),
  })
  .openapi("Source");

const chatUsage = z
  .object({
    tokens_in: z.number().int(),
    tokens_out: z.number().int(),
    tokens_saved: z
      .number()
      .int()
      .openapi({ description: "Context tokens of the retrieved chunks that were not sent." }),
    rewriting: z.object({ tokens_in: z.number().int(), tokens_out: z.number().int() }).openapi({
      description: "What of these tokens made a follow-up self-contained; spent for answers from the cache, too.",
    }),
    neurons: z.number().openapi({ description: "Of Workers AI: 0 for a model that is not Cloudflare's." }),
    cost_usd: z.number(),
    budget_left: z
      .number()
      .int()
      .nullable()
      .openapi({ description: "Requests left of the key's day; null: no quota." }),
    budget_resets_at: z.iso.datetime(),
  })
  .openapi("ChatUsage");

export const chatAnswer = z
  .object({
    answer: z.string().nullable().openapi({ description: "Null when no model answered: see `sources`." }),
    found: z.boolean().openapi({ description: "False: the documents do not answer the question." }),
    grounded: z.boolean().openapi({
      description:
        "Whether the answer cites at least one passage. One that cites nothing may be invented; a refusal is never grounded, whatever it cites.",
    }),
    citations: z.array(citation),
    sources: z.array(source),
    ended: z.enum(ENDINGS).openapi({
      description: "`cut_short`: at `max_answer_tokens`; `broke_off`: in the middle; `no_answer`: `answer` is null.",
    }),
    model: z.string().nullable().openapi({ description: "The model that has answered; null when none was asked." }),
    usage: chatUsage,
    standalone_question: z
      .string()
      .nullable()
      .openapi({ description: "What was looked up and answered in place of `message`; null without `history`." }),
    cached: z.boolean(),
    degraded: z.array(z.string()).openapi({
      description: "What did not work, also that the answer broke off or was cut short; empty when everything did.",
    }),
    request_id: z.string(),
    debug: z.unknown().optional(),
  })
  .openapi("ChatAnswer");
export type ChatAnswer = z.infer<typeof chatAnswer>;
