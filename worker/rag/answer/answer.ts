/**
 * A question to an answer with citations: retrieve, weigh the evidence, optimise the context, ask the model, check
 * what it cites. One generator serves both the JSON answer and the event stream.
 *
 * Nothing here is remembered between questions, and every failure short of D1's has a stated fallback.
 */

import type { IndexState } from "../../store/index-state.ts";
import { type Hit, type RetrievalRequest, retrieve, type Stores } from "../search/retrieve.ts";
import { estimateTokens } from "../text/tokens.ts";
import { type ChatModelId, chatCost } from "./chat-models.ts";
import { type Citation, CitationStream } from "./citations.ts";
import { EVIDENCE_MIN } from "./evidence.ts";
import { generate, type TokenUsage } from "./generate.ts";
import { optimise, type Passage } from "./optimise.ts";
import { type ChatMessage, NOT_FOUND, renderMessages } from "./prompt.ts";

export interface Question {
  retrieval: RetrievalRequest;
  model: ChatModelId;
  max_context_tokens: number;
  stream: boolean;
}

export interface CitedSource {
  chunk_id: number;
  document_id: string;
  title: string;
  heading: string;
  url: string | null;
  text: string;
}

export interface CitationView extends Citation {
  document_id: string;
  title: string;
  url: string | null;
  quote: string;
}

export type AnswerEvent =
  | { type: "sources"; sources: CitedSource[] }
  | { type: "token"; text: string }
  | { type: "citation"; citation: CitationView };

export interface AnswerOutcome {
  /** Null when no model could be reached. */
  answer: string | null;
  found: boolean;
  citations: CitationView[];
  sources: CitedSource[];
  model: ChatModelId | null;
  usage: { tokens_in: number; tokens_out: number; tokens_saved: number; neurons: number; cost_usd: number };
  degraded: string[];
  index: IndexState;
  vector_used: boolean;
  /** How the answer came about, for debug keys. */
  trace: { query_terms: string[]; evidence: number; passages: Passage[]; prompt_messages: ChatMessage[] };
}

const NO_MODEL = "No model could be reached; the sources are the passages that match the question best";
const BROKE_OFF = "The model stopped in the middle of its answer";

/** Yields events as they are known and returns the whole. Throws D1's errors. */
export async function* answer(stores: Stores, question: Question): AsyncGenerator<AnswerEvent, AnswerOutcome> {
  const retrieved = await retrieve(stores, question.retrieval);
  const { hits, vector_used, index } = retrieved;
  const context = optimise({
    query: question.retrieval.query,
    hits,
    max_context_tokens: question.max_context_tokens,
  });
  const byId = new Map(hits.map((hit) => [hit.chunk_id, hit]));
  const { messages } = renderMessages({ question: question.retrieval.query, passages: context.passages });
  const outcome: AnswerOutcome = {
    answer: NOT_FOUND,
    found: false,
    citations: [],
    sources: [],
    model: null,
    usage: { tokens_in: 0, tokens_out: 0, tokens_saved: 0, neurons: 0, cost_usd: 0 },
    degraded: [...retrieved.degraded],
    index,
    vector_used,
    trace: {
      query_terms: retrieved.query_terms,
      evidence: context.evidence,
      passages: context.passages,
      prompt_messages: messages,
    },
  };

  // Without vectors the words are all there is: when they do not meet, no model is asked to make something up. With
  // vectors a paraphrase may share no word with its answer, and judging that is left to the model.
  const relevant = vector_used ? context.passages.length > 0 : context.evidence >= EVIDENCE_MIN;
  if (!relevant || context.passages.length === 0) {
    yield { type: "sources", sources: [] };
    yield { type: "token", text: NOT_FOUND };
    return outcome;
  }

  outcome.sources = context.passages.flatMap((passage) => sourceOf(passage, byId.get(passage.chunk_id)));
  yield { type: "sources", sources: outcome.sources };

  const checker = new CitationStream(
    context.passages.flatMap(({ chunk_id }) => {
      const hit = byId.get(chunk_id);
      return hit ? [{ chunk_id, text: hit.text }] : [];
    }),
  );
  const emit = function* (checked: { text: string; citations: Citation[] }): Generator<AnswerEvent> {
    if (checked.text !== "") yield { type: "token", text: checked.text };
    outcome.answer = (outcome.answer ?? "") + checked.text;
    for (const citation of checked.citations) {
      const view = citationView(citation, byId);
      outcome.citations.push(view);
      yield { type: "citation", citation: view };
    }
  };
  outcome.answer = "";
  let usage: TokenUsage | null = null;
  try {
    const pieces = generate(stores.ai, question.model, messages, question.stream);
    for (;;) {
      const next = await pieces.next();
      if (next.done) {
        usage = next.value;
        break;
      }
      yield* emit(checker.push(next.value));
    }
    yield* emit(checker.finish());
    outcome.model = question.model;
  } catch {
    const silent = outcome.answer === "";
    outcome.degraded.push(silent ? NO_MODEL : BROKE_OFF);
    if (silent) outcome.answer = null;
  }
  outcome.found = outcome.answer !== null && !outcome.answer.toLowerCase().includes(NOT_FOUND);
  if (outcome.answer !== null) {
    const tokens_in = usage?.tokens_in ?? messages.reduce((sum, { content }) => sum + estimateTokens(content), 0);
    const tokens_out = usage?.tokens_out ?? estimateTokens(outcome.answer);
    const tokens_saved = Math.max(0, context.tokens_before - context.tokens);
    outcome.usage = { tokens_in, tokens_out, tokens_saved, ...chatCost(question.model, tokens_in, tokens_out) };
  }
  return outcome;
}

function sourceOf(passage: Passage, hit: Hit | undefined): CitedSource[] {
  if (!hit) return [];
  const { chunk_id, title, heading, text } = passage;
  return [{ chunk_id, document_id: hit.document_id, title, heading, url: hit.url, text }];
}

function citationView(citation: Citation, byId: Map<number, Hit>): CitationView {
  const hit = byId.get(citation.chunk_id);
  return {
    ...citation,
    document_id: hit?.document_id ?? "",
    title: hit?.title ?? "",
    url: hit?.url ?? null,
    quote: hit?.text.slice(citation.start, citation.end) ?? "",
  };
}
