/** `POST /api/v1/chat`: an answer with citations, as JSON or as a stream of typed events. */
import { OpenAPIHono } from "@hono/zod-openapi";
import type { Context } from "hono";
import { streamSSE } from "hono/streaming";
import { ask } from "../operations/ask.ts";
import type { AnswerEvent } from "../rag/answer/answer.ts";
import { chatEvent } from "../schemas/chat-events.ts";
import { type ChatAnswer, chatAnswer, chatRequest } from "../schemas/search.ts";
import { asksForDebug, declareRoute } from "../security/access.ts";
import type { App } from "../security/context.ts";
import { refuseInvalid } from "../security/validation.ts";

export const chat = new OpenAPIHono<App>({ defaultHook: refuseInvalid });

const route = declareRoute("chat", {
  method: "post",
  path: "/api/v1/chat",
  tags: ["Questions"],
  summary: "Ask a question",
  description:
    "Answers from the tenant's documents and cites them. With `stream` the events are `sources`, then `token` and " +
    "`citation` as they come, then `usage`; `error` if the answer broke off.",
  request: { body: { required: true, content: { "application/json": { schema: chatRequest } } } },
  responses: {
    200: {
      description: "The answer",
      content: { "application/json": { schema: chatAnswer }, "text/event-stream": { schema: chatEvent } },
    },
  },
});

type Answering = AsyncGenerator<AnswerEvent, ChatAnswer>;

chat.openapi(route, async (c) => {
  const request = c.req.valid("json");
  if (request.stream) return streamed(c, ask(c.var.work, { request, debug: false }));
  const whole = await drain(ask(c.var.work, { request, debug: asksForDebug(c) }), () => {});
  return c.json(whole, 200);
});

/** Runs an answer to its end, showing each event. */
async function drain(answering: Answering, show: (event: AnswerEvent) => unknown): Promise<ChatAnswer> {
  for (;;) {
    const next = await answering.next();
    if (next.done) return next.value;
    await show(next.value);
  }
}

function streamed(c: Context<App>, answering: Answering): Response {
  const { work } = c.var;
  const { promise, resolve } = Promise.withResolvers<unknown>();
  work.usage.settled = promise;
  return streamSSE(c, async (sse) => {
    const send = (event: string, data: unknown) => sse.writeSSE({ event, data: JSON.stringify(data) });
    const show = (event: AnswerEvent) => {
      switch (event.type) {
        case "sources":
          return send("sources", event.sources);
        case "token":
          return send("token", { text: event.text });
        case "citation":
          return send("citation", event.citation);
      }
    };
    try {
      const { usage, found, grounded, model, cached, degraded, request_id } = await drain(answering, show);
      await send("usage", { ...usage, found, grounded, model, cached, degraded, request_id });
      resolve(undefined);
    } catch (error) {
      // The status line is long gone: the stream itself must say that it is not complete.
      resolve(error);
      const detail = "The answer could not be completed.";
      await send("error", { status: 500, detail, request_id: work.request_id });
    }
  });
}
