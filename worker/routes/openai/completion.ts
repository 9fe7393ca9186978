/** An answer in the words of OpenAI's chat completions. Pure: ids and times are given. */
import { Problem } from "../../ground/problem.ts";
import type { Completion, CompletionChunk } from "../../schemas/openai.ts";
import type { ChatAnswer } from "../../schemas/search.ts";

/** What a completion says of its request. */
export interface CompletionHead {
  id: string;
  created: number;
  /** As the request names it: what stands in until somebody has answered. */
  model: string;
  ignored: string[];
  footnotes: boolean;
}

type Choice = CompletionChunk["choices"][number];

/** Throws a `model-down` problem where no model has ended an answer: their shape has no words for that. */
export function completionOf(head: CompletionHead, answer: ChatAnswer): Completion {
  const { text, ...ending } = endingOf(head, answer);
  const message = { role: "assistant", content: (answer.answer ?? "") + text, refusal: null } as const;
  return {
    id: head.id,
    object: "chat.completion",
    created: head.created,
    model: answer.model ?? head.model,
    choices: [{ index: 0, message, logprobs: null, finish_reason: ending.finish_reason }],
    usage: usageOf(answer),
    prism: ending.prism,
  };
}

export function chunkOf(head: CompletionHead, delta: Choice["delta"]): CompletionChunk {
  return chunk(head, head.model, [{ index: 0, delta, logprobs: null, finish_reason: null }]);
}

/** What follows the last piece of text. Throws as `completionOf`. */
export function lastChunks(head: CompletionHead, answer: ChatAnswer, include_usage: boolean): CompletionChunk[] {
  const { text, prism, finish_reason } = endingOf(head, answer);
  const model = answer.model ?? head.model;
  const last = chunk(head, model, [{ index: 0, delta: {}, logprobs: null, finish_reason }]);
  return [
    ...(text === "" ? [] : [chunkOf(head, { content: text })]),
    { ...last, prism },
    ...(include_usage ? [{ ...chunk(head, model, []), usage: usageOf(answer) }] : []),
  ];
}

function chunk({ id, created }: CompletionHead, model: string, choices: Choice[]): CompletionChunk {
  return { id, object: "chat.completion.chunk", created, model, choices };
}

function endingOf({ ignored, footnotes }: CompletionHead, answer: ChatAnswer) {
  const { ended, found, grounded, citations, sources, usage, standalone_question, cached, degraded } = answer;
  if (ended === "broke_off" || ended === "no_answer")
    throw new Problem("model-down", `${degraded.at(-1)}. Try again.`, { retry_after_s: 5 });
  return {
    text: footnotes ? footnotesOf(answer) : "",
    finish_reason: ended === "cut_short" ? ("length" as const) : ("stop" as const),
    prism: { found, grounded, citations, sources, usage, standalone_question, cached, degraded, ignored },
  };
}

/** The cited passages by the marks that the text shows, each once. */
function footnotesOf({ citations }: ChatAnswer): string {
  const lines = new Map(
    citations.map(({ chunk_id, title, heading, document_id, url }) => [
      chunk_id,
      `[${chunk_id}] ${title}${heading && ` (${heading})`}, ${url ?? document_id}`,
    ]),
  );
  return lines.size === 0 ? "" : `\n\n${[...lines.values()].join("\n")}`;
}

function usageOf({ usage: { tokens_in, tokens_out } }: ChatAnswer): Completion["usage"] {
  return { prompt_tokens: tokens_in, completion_tokens: tokens_out, total_tokens: tokens_in + tokens_out };
}
