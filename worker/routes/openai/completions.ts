/** `POST /v1/chat/completions`: the same answers as `/api/v1/chat`, as OpenAI's clients expect them. */
import { OpenAPIHono } from "@hono/zod-openapi";
import type { SSEMessage } from "hono/streaming";
import { ANSWER_TOKENS_MAX } from "../../limits.ts";
import { ask } from "../../operations/ask.ts";
import type { AnswerEvent } from "../../rag/answer/answer.ts";
import { CHAT_MODEL_NAMES } from "../../rag/answer/chat-models.ts";
import {
  type CompletionRequest,
  completion,
  completionChunk,
  completionRequest,
  readCompletion,
} from "../../schemas/openai.ts";
import { asksForDebug, declareRoute } from "../../security/access.ts";
import type { App } from "../../security/context.ts";
import { openAiError } from "../../security/error-shapes.ts";
import { refuseInvalid } from "../../security/validation.ts";
import { drain, streamed } from "../answer-stream.ts";
import { jsonRequest } from "../json-content.ts";
import { type CompletionHead, chunkOf, completionOf, lastChunks } from "./completion.ts";
import { noSuchModel } from "./models.ts";

export const completions = new OpenAPIHono<App>({ defaultHook: refuseInvalid });

const route = declareRoute("chat", {
  method: "post",
  path: "/v1/chat/completions",
  operationId: "createChatCompletion",
  tags: ["OpenAI-compatible"],
  summary: "Ask a question, as a chat completion",
  description:
    "Answers from the tenant's documents and cites them: `[17]` in the text is a mark, and `prism.citations` says what it cites. " +
    "The last message of the user is the question; earlier ones say what it leaves out (`prism.standalone_question`). What has no effect is named in `prism.ignored`; " +
    "what would change the meaning of the request is refused with its `param`.",
  request: { body: jsonRequest(completionRequest) },
  responses: {
    200: {
      description: "The answer",
      content: { "application/json": { schema: completion }, "text/event-stream": { schema: completionChunk } },
    },
    404: { description: "No such model" },
    503: { description: "No model has ended an answer" },
  },
});

completions.openapi(route, async (c) => {
  const { work } = c.var;
  const request = c.req.valid("json");
  const { message, history, ignored } = readCompletion(request);
  const { footnotes, ...retrieval } = request.prism;
  const head: CompletionHead = {
    id: `chatcmpl-${work.request_id}`,
    created: Math.floor(work.now_ms / 1000),
    model: request.model,
    ignored,
    footnotes,
  };
  const stream = request.stream === true;
  const session = request.user ?? undefined;
  const asked = {
    message,
    history,
    session,
    model: chatModelName(request.model),
    stream,
    max_answer_tokens: tokensMax(request),
  };
  const answering = ask(work, { request: { ...asked, ...retrieval }, debug: !stream && asksForDebug(c) });
  if (!stream) return c.json(completionOf(head, await drain(answering)), 200);

  const include_usage = request.stream_options?.include_usage === true;
  return streamed(c, answering, {
    event: (event) => framesOf(head, event),
    whole: (answer) => [...lastChunks(head, answer, include_usage).map(frame), { data: "[DONE]" }],
    failure: (problem) => [frame(openAiError(problem))],
  });
});

/** Sources come first, so they open the message; citations are told with its end. */
function framesOf(head: CompletionHead, event: AnswerEvent): SSEMessage[] {
  if (event.type === "citation") return [];
  const delta = event.type === "token" ? { content: event.text } : ({ role: "assistant", content: "" } as const);
  return [frame(chunkOf(head, delta))];
}

function frame(data: object): SSEMessage {
  return { data: JSON.stringify(data) };
}

function chatModelName(name: string): (typeof CHAT_MODEL_NAMES)[number] {
  const known = CHAT_MODEL_NAMES.find((candidate) => candidate === name);
  if (known === undefined) throw noSuchModel(name);
  return known;
}

function tokensMax({ max_completion_tokens, max_tokens }: CompletionRequest): number {
  return Math.min(max_completion_tokens ?? max_tokens ?? ANSWER_TOKENS_MAX, ANSWER_TOKENS_MAX);
}
