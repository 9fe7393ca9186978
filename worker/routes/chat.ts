/** `POST /api/v1/chat`: an answer with citations, as JSON or as a stream of typed events. */
import { OpenAPIHono } from "@hono/zod-openapi";
import type { Context } from "hono";
import { streamSSE } from "hono/streaming";
import type { App } from "../context.ts";
import { allows } from "../ground/principal.ts";
import { tenantTerm } from "../ground/tenant-term.ts";
import { type AnswerEvent, type AnswerOutcome, answer, type Question } from "../rag/answer/answer.ts";
import { chatModel } from "../rag/answer/chat-models.ts";
import { type ChatAnswer, chatAnswer, chatRequest } from "../schemas/search.ts";
import { declareRoute } from "../security/access.ts";
import { budgetLeft } from "../security/quota.ts";
import { refuseInvalid } from "../security/validation.ts";
import { cacheKey } from "../store/answer-cache.ts";
import { describeError, logEvent } from "../telemetry/log.ts";
import { cached } from "./cached.ts";
import { type RequestStores, requestStores } from "./request-stores.ts";

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
      content: { "application/json": { schema: chatAnswer }, "text/event-stream": { schema: chatAnswer.shape.usage } },
    },
  },
});

/** The part of an answer that a cache may keep: everything but what belongs to the one request. */
type KeptAnswer = Omit<ChatAnswer, "cached" | "request_id" | "usage" | "debug"> & {
  usage: AnswerOutcome["usage"];
  trace?: AnswerOutcome["trace"];
};

chat.openapi(route, async (c) => {
  const { stream, session: _, ...request } = c.req.valid("json");
  const { tenant } = c.get("principal");
  const debug = c.req.query("debug") === "1" && allows(c.get("principal"), "debug");
  const stores = requestStores(c);
  const question: Question = {
    retrieval: {
      query: request.message,
      tenant,
      tenant_term: tenantTerm(tenant),
      mode: "hybrid",
      top_k: request.top_k,
      offset: 0,
      ...(request.filter === undefined ? {} : { filter: request.filter }),
      embedding_model: c.env.EMBEDDING_MODEL,
      rerank_model: c.env.RERANK_MODEL,
    },
    model: chatModel(request.model, c.env.DEFAULT_MODEL),
    max_context_tokens: request.max_context_tokens,
    stream,
  };
  const key = await cacheKey(tenant, "chat", [question.retrieval, question.model, question.max_context_tokens]);
  if (stream) return streamed(c, stores, question, key) as never;

  let made: AnswerOutcome | null = null;
  const body = await cached(c, stores.db, key, { beyond_isolate: true, skip: debug }, async () => {
    made = await collect(answer(stores, question), () => {});
    return keptAnswer(made, debug);
  });
  return c.json(present(c, JSON.parse(body) as KeptAnswer, made !== null), 200);
});

/** Runs an answer to its end, showing each event. */
async function collect(
  events: AsyncGenerator<AnswerEvent, AnswerOutcome>,
  show: (event: AnswerEvent) => unknown,
): Promise<AnswerOutcome> {
  for (;;) {
    const next = await events.next();
    if (next.done) return next.value;
    await show(next.value);
  }
}

function keptAnswer(outcome: AnswerOutcome, debug: boolean) {
  const { index, vector_used, trace, ...kept } = outcome;
  const body: KeptAnswer = debug ? { ...kept, trace } : kept;
  return { body: JSON.stringify(body), keep: outcome.degraded.length === 0, index, vector_used };
}

/** Completes a kept answer with what belongs to this request, and books what it consumed. */
function present(c: Context<App>, kept: KeptAnswer, fresh: boolean): ChatAnswer {
  const { trace, usage, ...rest } = kept;
  const spent = fresh ? usage : { tokens_in: 0, tokens_out: 0, tokens_saved: 0, neurons: 0, cost_usd: 0 };
  const booked = c.get("usage");
  Object.assign(booked, {
    tokens_in: spent.tokens_in,
    tokens_out: spent.tokens_out,
    tokens_saved: spent.tokens_saved,
    neurons: spent.neurons,
    model: kept.model,
  });
  return {
    ...rest,
    usage: { ...spent, ...budgetLeft(c.get("principal"), Date.now()) },
    cached: !fresh,
    request_id: c.get("request_id"),
    ...(trace ? { debug: trace } : {}),
  };
}

function streamed(c: Context<App>, stores: RequestStores, question: Question, key: string): Response {
  const { promise: settled, resolve } = Promise.withResolvers<void>();
  c.get("usage").settled = settled;
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
      let made = false;
      const body = await cached(c, stores.db, key, { beyond_isolate: true, skip: false }, async () => {
        made = true;
        return keptAnswer(await collect(answer(stores, question), show), false);
      });
      const whole = present(c, JSON.parse(body) as KeptAnswer, made);
      if (!made) {
        await send("sources", whole.sources);
        if (whole.answer !== null) await send("token", { text: whole.answer });
        for (const citation of whole.citations) await send("citation", citation);
      }
      const { found, model, cached: fromCache, degraded, request_id } = whole;
      await send("usage", { ...whole.usage, found, model, cached: fromCache, degraded, request_id });
    } catch (error) {
      // The status line is long gone: the stream itself must say that it is not complete.
      logEvent(c, "ERROR", "a streamed answer failed", { error: describeError(error) });
      await send("error", {
        status: 500,
        detail: "The answer could not be completed.",
        request_id: c.get("request_id"),
      });
    } finally {
      resolve();
    }
  });
}
