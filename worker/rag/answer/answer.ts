/**
 * A question to an answer with citations: retrieve, weigh the evidence, optimise the context, ask the model, check
 * what it cites. One generator serves both the JSON answer and the event stream.
 *
 * Nothing here is remembered between questions, and every failure short of D1's has a stated fallback.
 */

import type { IndexState } from "../../store/index-state.ts";
import { type Hit, type RetrievalRequest, retrieve, type Stores } from "../search/retrieve.ts";
import { headingPathAt } from "../text/heading-path.ts";
import { estimateTokens } from "../text/tokens.ts";
import { answeringModel, type ChatModelId, chatCost } from "./chat-models.ts";
import { type CheckedText, type Citation, CitationStream } from "./citations.ts";
import { EVIDENCE_MIN } from "./evidence.ts";
import { AnswerBrokeOff, type Generation, generate, type StreamPatience } from "./generate.ts";
import { drawMarks } from "./marks.ts";
import { optimise, type Passage } from "./optimise.ts";
import { type ChatMessage, NOT_FOUND, renderMessages } from "./prompt.ts";
import { refuses, withoutMarks } from "./refusal.ts";

interface Question {
  retrieval: RetrievalRequest;
  model: ChatModelId;
  max_context_tokens: number;
  max_answer_tokens: number;
  stream: boolean;
  patience: StreamPatience;
  random_u32: () => number;
}

interface CitedSource {
  chunk_id: number;
  document_id: string;
  title: string;
  heading: string;
  url: string | null;
  text: string;
}

interface CitationView extends Citation {
  document_id: string;
  title: string;
  url: string | null;
  quote: string;
  /** As `headingPathAt`. */
  heading: string;
}

/** How an answer came to its end: as a whole, at its limit of tokens, in the middle, or there is none of any model. */
export const ENDINGS = ["whole", "cut_short", "broke_off", "no_answer"] as const;

export type AnswerEvent =
  | { type: "sources"; sources: CitedSource[] }
  | { type: "token"; text: string }
  | { type: "citation"; citation: CitationView };

export interface AnswerOutcome {
  /** Null when no model could be reached, or it said nothing. */
  answer: string | null;
  /** Whether the documents answer the question, as far as the model says (`refusal.ts`). */
  found: boolean;
  /** Whether an answer was found and cites a passage: without, nothing ties it to the documents. */
  grounded: boolean;
  citations: CitationView[];
  sources: CitedSource[];
  ended: (typeof ENDINGS)[number];
  /** The model that has answered, by its provider's name for it. */
  model: string | null;
  usage: { tokens_in: number; tokens_out: number; tokens_saved: number; neurons: number; cost_usd: number };
  degraded: string[];
  index: IndexState;
  vector_used: boolean;
  /** How the answer came about, for debug keys. */
  trace: {
    query_terms: string[];
    evidence: number;
    passages: Passage[];
    prompt_messages: ChatMessage[];
    /** What was asked to answer. */
    routed_model: ChatModelId;
  };
}

const NO_MODEL = "No model could be reached; the sources are the passages that match the question best";
const NO_ANSWER = "The model gave no answer; the sources are the passages that match the question best";
const BROKE_OFF = "The answer broke off: the model did not end it";
const cutShort = (tokens: number) => `The answer was cut off at its limit of ${tokens} tokens`;

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
  const texts = [question.retrieval.query, ...hits.flatMap(textsOf)];
  const marks = drawMarks(context.passages.length, texts, question.random_u32);
  const marked = context.passages.map((passage, place) => ({ ...passage, mark: marks[place] ?? 0 }));
  const { messages } = renderMessages({ question: question.retrieval.query, passages: marked });
  const outcome: AnswerOutcome = {
    answer: NOT_FOUND,
    found: false,
    grounded: false,
    citations: [],
    sources: [],
    ended: "whole",
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
      routed_model: question.model,
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
    marked.flatMap(({ mark, chunk_id }) => {
      const hit = byId.get(chunk_id);
      return hit ? [{ mark, chunk_id, text: hit.text }] : [];
    }),
    texts,
  );
  let has_said = false;
  let [shown_chars, shown_citations] = [0, 0];
  const emit = function* (checked: CheckedText): Generator<AnswerEvent> {
    outcome.answer = (outcome.answer ?? "") + checked.text;
    outcome.citations.push(...checked.citations.map((citation) => citationView(citation, byId)));
    has_said ||= saysSomething(outcome.answer, outcome.citations);
    if (!has_said) return;
    const text = outcome.answer.slice(shown_chars);
    shown_chars += text.length;
    if (text !== "") yield { type: "token", text };
    const citations = outcome.citations.slice(shown_citations);
    shown_citations += citations.length;
    for (const citation of citations) yield { type: "citation", citation };
  };
  outcome.answer = "";
  let generation: Generation | null = null;
  const { model, stream, patience, max_answer_tokens: tokens_max } = question;
  try {
    const pieces = generate(stores.ai, { model, messages, stream, tokens_max, patience });
    for (;;) {
      const next = await pieces.next();
      if (next.done) {
        generation = next.value;
        break;
      }
      yield* emit(checker.push(next.value));
    }
    yield* emit(checker.finish());
    if (!has_said) outcome.degraded.push(NO_ANSWER);
    // One that says nothing may have spent all of them on thoughts.
    if (generation.cut_short) {
      outcome.ended = "cut_short";
      outcome.degraded.push(cutShort(tokens_max));
    }
  } catch (error) {
    if (error instanceof AnswerBrokeOff) generation = error.told;
    outcome.ended = "broke_off";
    outcome.degraded.push(has_said ? BROKE_OFF : NO_MODEL);
  }
  if (!has_said) {
    return { ...outcome, ended: "no_answer", answer: null, citations: [] };
  }
  const cited = outcome.citations.flatMap(({ chunk_id }) => textsOf(byId.get(chunk_id)));
  outcome.found = !refuses(outcome.answer, outcome.citations, { read: texts, cited });
  outcome.grounded = outcome.found && outcome.citations.length > 0;
  outcome.model = answeringModel(question.model, generation?.model ?? null);
  const tokens_in =
    generation?.usage?.tokens_in ?? messages.reduce((sum, { content }) => sum + estimateTokens(content), 0);
  const tokens_out = generation?.usage?.tokens_out ?? estimateTokens(outcome.answer);
  const tokens_saved = Math.max(0, context.tokens_before - context.tokens);
  outcome.usage = { tokens_in, tokens_out, tokens_saved, ...chatCost(outcome.model, tokens_in, tokens_out) };
  return outcome;
}

/** An answer of blanks, invisible characters and marks is none, nor are the signs that end the sentence of such a mark. */
const saysSomething = (answer: string, citations: readonly Citation[]): boolean =>
  (citations.length === 0 ? /[^\s\p{DI}]/u : /[^\s\p{DI}.,;]/u).test(withoutMarks(answer, citations).text);

const textsOf = (hit: Hit | undefined): string[] => (hit ? [hit.title, hit.heading, hit.text] : []);

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
    heading: hit ? headingPathAt(hit, citation.start) : "",
    url: hit?.url ?? null,
    quote: hit?.text.slice(citation.start, citation.end) ?? "",
  };
}
