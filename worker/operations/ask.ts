/** A question to an answer with citations: a kept answer, or one that a model makes of the tenant's documents. */
import type { z } from "zod";
import { sha256 } from "../ground/digest.ts";
import { Json } from "../ground/json.ts";
import { type AnswerEvent, type AnswerOutcome, answer } from "../rag/answer/answer.ts";
import { chatModel } from "../rag/answer/chat-models.ts";
import { cutHistory } from "../rag/answer/conversation.ts";
import { standaloneQuestion } from "../rag/answer/standalone.ts";
import type { ChatAnswer, chatRequest } from "../schemas/search.ts";
import { cacheKey } from "../store/answer-cache.ts";
import { aiPatience } from "../store/dependencies.ts";
import { budgetLeft } from "../telemetry/day-counts.ts";
import type { Work } from "../work.ts";
import { keepAnswer, recallAnswer } from "./kept-answers.ts";
import { retrievalRequest } from "./retrieval-request.ts";

interface AskInput {
  request: z.infer<typeof chatRequest>;
  /** Make a fresh answer and say how it came about. */
  debug: boolean;
}

/** The part of an answer that a cache may keep: everything but what belongs to the one request. */
type KeptAnswer = Omit<AnswerOutcome, "index" | "vector_used" | "trace">;

/** 64 bits tell the sessions of a key apart, and tell nothing of what the caller called them. */
const SESSION_DIGEST_CHARS = 16;

const NOTHING_SPENT = { tokens_in: 0, tokens_out: 0, tokens_saved: 0, neurons: 0, cost_usd: 0 };

/**
 * Yields sources, text and citations as they are known (as the model makes them, if `stream`) and returns the whole answer.
 * A question with earlier messages is first made self-contained. Nothing behind that sees them: what is looked up, answered and
 * kept is that one question, so conversations that come to the same question may share its answer.
 * Books what it consumed. Throws D1's errors; without a model the passages are the answer.
 */
export async function* ask(work: Work, { request, debug }: AskInput): AsyncGenerator<AnswerEvent, ChatAnswer> {
  const { message, history, top_k, filter, max_context_tokens, max_answer_tokens, stream, session } = request;
  if (session !== undefined) work.usage.session = (await sha256(session)).slice(0, SESSION_DIGEST_CHARS);
  const patience = aiPatience(work.env);
  const { turns } = cutHistory(history);
  const by = work.env.FOLLOW_UPS === "rule" ? "rule" : "model";
  const standalone = await standaloneQuestion(work.awaitedStores.ai, {
    question: message,
    turns,
    by,
    idle_ms: patience.idle_ms,
  });
  const query = standalone.question;
  const question = {
    retrieval: retrievalRequest(work, { query, mode: "hybrid", top_k, offset: 0, filter }),
    model: chatModel(request.model, work.env.DEFAULT_MODEL),
    max_context_tokens,
    max_answer_tokens,
    stream,
    patience,
    random_u32: () => crypto.getRandomValues(new Uint32Array(1))[0] ?? 0,
  };
  const key = await cacheKey(work.caller.tenant, "chat", [
    question.retrieval,
    question.model,
    max_context_tokens,
    max_answer_tokens,
  ]);
  const keeping = { key, beyond_isolate: true, skip: debug };
  const kept = await recallAnswer<KeptAnswer>(work, keeping);
  const presented = (answer: KeptAnswer, usage: KeptAnswer["usage"]) => {
    const { tokens_in, tokens_out, neurons, cost_usd } = standalone.usage;
    const spent = {
      tokens_in: usage.tokens_in + tokens_in,
      tokens_out: usage.tokens_out + tokens_out,
      tokens_saved: usage.tokens_saved,
      neurons: usage.neurons + neurons,
    };
    Object.assign(work.usage, { ...spent, model: answer.model });
    return {
      ...answer,
      degraded: [...answer.degraded, ...standalone.degraded],
      usage: {
        ...spent,
        rewriting: { tokens_in, tokens_out },
        cost_usd: usage.cost_usd + cost_usd,
        ...budgetLeft(work.caller, work.clock_ms()),
      },
      standalone_question: turns.length === 0 ? null : query,
      request_id: work.request_id,
    };
  };
  if (kept) {
    yield* eventsOf(kept.value);
    return { ...presented(kept.value, NOTHING_SPENT), cached: true };
  }

  const { index, vector_used, trace, ...made } = yield* answer(work.awaitedStores, question);
  keepAnswer(work, keeping, { answer: Json.of(made), degraded: made.degraded, index, vector_used });
  return { ...presented(made, made.usage), cached: false, ...(debug ? { debug: trace } : {}) };
}

function* eventsOf({ sources, answer, citations }: KeptAnswer): Generator<AnswerEvent> {
  yield { type: "sources", sources };
  if (answer !== null) yield { type: "token", text: answer };
  for (const citation of citations) yield { type: "citation", citation };
}
