/**
 * Requests and answers of the OpenAI-compatible face, after OpenAI's own reference (https://platform.openai.com/docs/api-reference).
 *
 * Every field of theirs is one of three: honoured; without effect, and then named in `prism.ignored`; or refused. None is
 * dropped in silence.
 */
import { z } from "@hono/zod-openapi";
import {
  ANSWER_TOKENS_MAX,
  EMBEDDING_TEXT_CHARS_MAX,
  EMBEDDING_TEXTS_PER_CALL_MAX,
  HISTORY_MESSAGE_CHARS_MAX,
  HISTORY_MESSAGES_MAX,
  HISTORY_TOKENS_MAX,
  JSON_ITEMS_MAX,
  QUERY_CHARS_MAX,
} from "../limits.ts";
import { cutHistory, type Turn } from "../rag/answer/conversation.ts";
import { plainText } from "./documents.ts";
import { chatAnswer, chatRequest } from "./search.ts";

const contentPart = z.union(
  [
    z.object({ type: z.literal("text"), text: plainText }),
    // What a model has said in place of an answer: nothing.
    z.object({ type: z.literal("refusal"), refusal: plainText }).transform(({ type }) => ({ type, text: "" })),
  ],
  "only parts of type text are read",
);

const message = z.looseObject({
  role: z.enum(["system", "developer", "user", "assistant", "tool", "function"]),
  content: z.union([plainText, z.array(contentPart)], "must be text, or parts of type text").nullish(),
  tool_calls: z.array(z.unknown()).max(JSON_ITEMS_MAX).nullish(),
});
type Message = z.infer<typeof message>;

/** Fields that OpenAI's models heed and ours do not: an answer from documents is made at temperature 0. */
const WITHOUT_EFFECT = {
  temperature: z.number().min(0).max(2).nullish(),
  top_p: z.number().min(0).max(1).nullish(),
  presence_penalty: z.number().min(-2).max(2).nullish(),
  frequency_penalty: z.number().min(-2).max(2).nullish(),
  seed: z.number().nullish(),
  safety_identifier: z.string().nullish(),
  metadata: z.record(z.string(), z.string()).nullish(),
  store: z.boolean().nullish(),
  service_tier: z.string().nullish(),
  prompt_cache_key: z.string().nullish(),
  prompt_cache_retention: z.string().nullish(),
  reasoning_effort: z.string().nullish(),
  verbosity: z.string().nullish(),
  parallel_tool_calls: z.boolean().nullish(),
  // Whoever may call them need not.
  tools: z.array(z.unknown()).max(JSON_ITEMS_MAX).nullish(),
  functions: z.array(z.unknown()).max(JSON_ITEMS_MAX).nullish(),
};

/** Some clients always send the field: what asks for nothing is taken. */
function refused(reason: string, ...nothing: z.ZodType[]) {
  const message = `is not supported: ${reason}`;
  // A union of one says what that one says.
  return (nothing.length === 0 ? z.null(message) : z.union([z.null(), ...nothing], message)).optional();
}
const NO_SHAPING = "the text is the model's, with its citations. Leave it out";
const NO_ITEMS = z.array(z.unknown()).max(0);
const NO_FIELDS = z
  .record(z.string(), z.unknown())
  .refine((fields) => Object.keys(fields).length === 0, `is not supported: ${NO_SHAPING}`)
  .openapi({ maxProperties: 0 });
const NO_CALL = z.enum(["none", "auto"]);
const NO_TOOLS = "an answer comes from the documents, and calls nothing. Send `auto` or `none`, or leave it out";

const REFUSED = {
  tool_choice: refused(NO_TOOLS, NO_CALL),
  function_call: refused(NO_TOOLS, NO_CALL),
  web_search_options: refused("an answer comes from the documents. Leave it out"),
  stop: refused(NO_SHAPING, NO_ITEMS),
  logit_bias: refused(NO_SHAPING, NO_FIELDS),
  prediction: refused(NO_SHAPING),
  audio: refused("answers are text"),
  top_logprobs: refused("the models tell none"),
};

const prismOptions = chatRequest
  .pick({ top_k: true, filter: true, max_context_tokens: true })
  .extend({
    footnotes: z.boolean().default(false).openapi({ description: "List the cited passages at the end of the text." }),
  })
  .openapi("PrismOptions", { description: "An extension of PRISM's own.", example: { footnotes: true } });

const completionFields = z.strictObject({
  model: z.string().max(100).openapi({ description: "One of `GET /v1/models`.", example: "balanced" }),
  messages: z
    .array(message)
    .min(1)
    .max(JSON_ITEMS_MAX)
    .openapi({
      description: `The last one of the user, at most ${QUERY_CHARS_MAX} characters, is the question, and nothing may follow but system texts: what tools have answered is not read. From those of user and assistant before it, the last ${HISTORY_TOKENS_MAX} tokens, is taken what it leaves out; all others are without effect.`,
      example: [{ role: "user", content: "What do I do when an API key has leaked?" }],
    }),
  stream: z.boolean().nullish(),
  stream_options: z
    .strictObject({ include_usage: z.boolean().nullish(), include_obfuscation: z.boolean().nullish() })
    .nullish(),
  max_completion_tokens: z
    .int()
    .min(1)
    .nullish()
    .openapi({ description: `More than ${ANSWER_TOKENS_MAX} is taken for that.` }),
  max_tokens: z.int().min(1).nullish().openapi({ description: "The older name of `max_completion_tokens`." }),
  n: z.literal(1, "is not supported: there is one answer").nullish(),
  logprobs: z.literal(false, "is not supported: the models tell none").nullish(),
  modalities: z.array(z.literal("text", "answers are text")).nullish(),
  response_format: z.strictObject({ type: z.literal("text", `is not supported: ${NO_SHAPING}`) }).nullish(),
  user: chatRequest.shape.session.unwrap().nullish().openapi({ description: "Opaque; for usage figures only." }),
  ...WITHOUT_EFFECT,
  ...REFUSED,
  prism: prismOptions.default(prismOptions.parse({})),
});

export const completionRequest = completionFields
  .superRefine(({ messages, stream, stream_options }, context) => {
    const refuse = (path: (string | number)[], text: string) =>
      context.addIssue({ code: "custom", path, message: text });
    if (stream_options && stream !== true) refuse(["stream_options"], "goes with `stream` alone");
    const place = questionPlace(messages);
    if (messages[place]?.role !== "user")
      return refuse(
        ["messages"],
        "must end with a message of the user: put what matters of a tool's answer into the question",
      );
    const question = chatRequest.shape.message.safeParse(textOf(messages[place]));
    if (!question.success)
      refuse(["messages", place, "content"], question.error.issues[0]?.message ?? "is no question");
  })
  .openapi("ChatCompletionRequest");
export type CompletionRequest = z.infer<typeof completionRequest>;

/** The last message but for system texts, which clients put anywhere; -1 without one. */
function questionPlace(messages: readonly Message[]): number {
  return messages.findLastIndex(({ role }) => role !== "system" && role !== "developer");
}

/** The conversation proper. */
const isSpoken = (role: Message["role"]): role is Turn["role"] => role === "user" || role === "assistant";

function textOf(message: Pick<Message, "content">): string {
  const { content } = message;
  return typeof content === "string" ? content : (content ?? []).map(({ text }) => text).join("\n");
}

/** The question and what was said before it, as the other face takes them, and what of the request is without effect. */
export function readCompletion(request: CompletionRequest): { message: string; history: Turn[]; ignored: string[] } {
  const { messages } = request;
  const place = questionPlace(messages);
  const question = messages[place];
  if (!question) throw new Error("a completion without a question has passed its schema");
  // A message that calls tools and says nothing is none of the conversation.
  const isMute = (message: Message) => message.tool_calls != null && textOf(message) === "";
  const spoken = messages.flatMap((message, index) =>
    isSpoken(message.role) && !isMute(message) && index < place ? [index] : [],
  );
  const history = spoken.flatMap((index): Turn[] => {
    const { role, ...message } = messages[index] as Message;
    return isSpoken(role) ? [{ role, content: textOf(message).slice(0, HISTORY_MESSAGE_CHARS_MAX) }] : [];
  });
  const read = new Set([place, ...spoken.slice(cutHistory(history).from)]);
  const others = messages.flatMap((_, index) => (read.has(index) ? [] : [`messages[${index}]`]));
  const fields = Object.keys(WITHOUT_EFFECT) as (keyof typeof WITHOUT_EFFECT)[];
  const asksForNothing = (value: unknown) => value == null || (Array.isArray(value) && value.length === 0);
  const given = fields.filter((name) => !asksForNothing(request[name]));
  return { message: textOf(question), history: history.slice(-HISTORY_MESSAGES_MAX), ignored: [...given, ...others] };
}

const prismAnswer = chatAnswer
  .pick({
    found: true,
    grounded: true,
    citations: true,
    sources: true,
    usage: true,
    standalone_question: true,
    cached: true,
    degraded: true,
  })
  .extend({
    ignored: z.array(z.string()).openapi({ description: "Fields of the request that have changed nothing." }),
  })
  .openapi("PrismAnswer", { description: "An extension of PRISM's own. `mark_start` counts in `content`." });

const tokenUsage = z.object({
  prompt_tokens: z.int(),
  completion_tokens: z.int(),
  total_tokens: z.int(),
});

const head = { id: z.string(), created: z.int(), model: z.string() };
const finishReason = z.enum(["stop", "length"]);

export const completion = z
  .object({
    ...head,
    object: z.literal("chat.completion"),
    choices: z.array(
      z.object({
        index: z.literal(0),
        message: z.object({ role: z.literal("assistant"), content: z.string(), refusal: z.null() }),
        logprobs: z.null(),
        finish_reason: finishReason,
      }),
    ),
    usage: tokenUsage,
    prism: prismAnswer,
  })
  .openapi("ChatCompletion");
export type Completion = z.infer<typeof completion>;

export const completionChunk = z
  .object({
    ...head,
    object: z.literal("chat.completion.chunk"),
    choices: z
      .array(
        z.object({
          index: z.literal(0),
          delta: z.object({ role: z.literal("assistant").optional(), content: z.string().optional() }),
          logprobs: z.null(),
          finish_reason: finishReason.nullable(),
        }),
      )
      .openapi({ description: "Empty in the last chunk, which holds the usage." }),
    usage: tokenUsage.nullable().optional().openapi({ description: "With `stream_options.include_usage`." }),
    prism: prismAnswer.optional().openapi({ description: "With the `finish_reason`." }),
  })
  .openapi("ChatCompletionChunk", { description: "Server-sent events of these, then `[DONE]`." });
export type CompletionChunk = z.infer<typeof completionChunk>;

export const openAiModel = z
  .object({
    id: z.string().openapi({ example: "balanced" }),
    object: z.literal("model"),
    created: z.int(),
    owned_by: z.string(),
  })
  .openapi("Model");
export const openAiModels = z.object({ object: z.literal("list"), data: z.array(openAiModel) }).openapi("ModelList");
export const modelParams = z.object({
  id: z
    .string()
    .max(100)
    .openapi({ param: { name: "id", in: "path" }, description: "Percent-encode slashes.", example: "balanced" }),
});

const embeddable = plainText
  .min(1)
  .max(EMBEDDING_TEXT_CHARS_MAX)
  .openapi({ example: "Green tea is brewed at 80 degrees." });

export const embeddingsRequest = z
  .strictObject({
    model: z.string().max(100).openapi({
      description: "The embedding model of the service, one of `GET /v1/models`.",
      example: "@cf/baai/bge-small-en-v1.5",
    }),
    input: z
      .union(
        [embeddable, z.array(embeddable).min(1).max(EMBEDDING_TEXTS_PER_CALL_MAX)],
        `must be a text, or 1 to ${EMBEDDING_TEXTS_PER_CALL_MAX} texts, of at most ${EMBEDDING_TEXT_CHARS_MAX} characters each; arrays of tokens are not supported, for they are another model's`,
      )
      .openapi({ description: "What is longer than the model reads, it does not read to its end." }),
    encoding_format: z
      .enum(["float", "base64"])
      .nullish()
      .openapi({ description: "`base64`: of little-endian float32." }),
    dimensions: z.int().min(1).nullish().openapi({ description: "What the model has; its vectors are not shortened." }),
    user: z.string().nullish().openapi({ description: "Without effect." }),
    prism: z
      .strictObject({ kind: z.enum(["query", "passage"]).default("passage") })
      .default({ kind: "passage" })
      .openapi({ description: "Some models put other words before a query than before a passage." }),
  })
  .openapi("EmbeddingsRequest");

export const embeddingsAnswer = z
  .object({
    object: z.literal("list"),
    model: z.string(),
    data: z.array(
      z.object({
        object: z.literal("embedding"),
        index: z.int(),
        embedding: z.union([z.array(z.number()), z.string()]),
      }),
    ),
    usage: z.object({ prompt_tokens: z.int(), total_tokens: z.int() }),
  })
  .openapi("Embeddings");
