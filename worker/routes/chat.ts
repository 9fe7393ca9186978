/** `POST /api/v1/chat`: an answer with citations, as JSON or as a stream of typed events. */
import { OpenAPIHono } from "@hono/zod-openapi";
import type { SSEMessage } from "hono/streaming";
import { ask } from "../operations/ask.ts";
import type { AnswerEvent } from "../rag/answer/answer.ts";
import { chatEvent } from "../schemas/chat-events.ts";
import { chatAnswer, chatRequest } from "../schemas/search.ts";
import { asksForDebug, declareRoute } from "../security/access.ts";
import type { App } from "../security/context.ts";
import { refuseInvalid } from "../security/validation.ts";
import { drain, streamed } from "./answer-stream.ts";
import { jsonRequest } from "./json-content.ts";

export const chat = new OpenAPIHono<App>({ defaultHook: refuseInvalid });

const route = declareRoute("chat", {
  method: "post",
  path: "/api/v1/chat",
  tags: ["Questions"],
  summary: "Ask a question",
  description:
    "Answers from the tenant's documents and cites them. With `stream` the events are `sources`, then `token` and " +
    "`citation` as they come, then `usage`; `error` if the answer broke off.",
  request: { body: jsonRequest(chatRequest) },
  responses: {
    200: {
      description: "The answer",
      content: { "application/json": { schema: chatAnswer }, "text/event-stream": { schema: chatEvent } },
    },
  },
});

chat.openapi(route, async (c) => {
  const { work } = c.var;
  const request = c.req.valid("json");
  const answering = ask(work, { request, debug: !request.stream && asksForDebug(c) });
  if (!request.stream) return c.json(await drain(answering), 200);
  return streamed(c, answering, {
    event: (event) => [named(event)],
    whole({ answer, citations, sources, debug, usage, ...rest }) {
      return [message("usage", { ...usage, ...rest })];
    },
    failure: ({ status, message: detail }) => [message("error", { status, detail, request_id: work.request_id })],
  });
});

function named(event: AnswerEvent): SSEMessage {
  switch (event.type) {
    case "sources":
      return message("sources", event.sources);
    case "token":
      return message("token", { text: event.text });
    case "citation":
      return message("citation", event.citation);
  }
}

function message(event: string, data: unknown): SSEMessage {
  return { event, data: JSON.stringify(data) };
}
