/**
 * Text from a model through the AI binding, whole or in pieces, whichever of the two answer shapes it speaks.
 *
 * The end of the bytes is not the end of an answer: a stream is whole when its model or its protocol said so.
 */
import { EventSourceParserStream } from "eventsource-parser/stream";
import type { ChatMessage } from "./prompt.ts";
import { ReasoningFilter } from "./reasoning.ts";

interface TokenUsage {
  tokens_in: number;
  tokens_out: number;
}

interface GenerationRequest {
  model: string;
  messages: ChatMessage[];
  stream: boolean;
  tokens_max: number;
  /** A stream of which nothing comes for so long is given up. */
  idle_ms: number;
}

/** What is known when an answer has ended. */
export interface Generation {
  /** The provider's counts; null where it gave none. */
  usage: TokenUsage | null;
  /** The model that the provider says has answered; null where it says nothing. */
  model: string | null;
  /** The model had more to say than it was allowed. */
  cut_short: boolean;
}

/** The answer ended without having been finished. */
export class AnswerBrokeOff extends Error {
  override name = "AnswerBrokeOff";
}

interface ProviderUsage {
  prompt_tokens?: number;
  completion_tokens?: number;
}

interface Choice {
  delta?: { content?: string | null };
  message?: { content?: string | null };
  finish_reason?: string | null;
}

/** Workers AI's own shape, or OpenAI's, which newer models of the catalogue and upstream servers speak. */
interface AnswerPiece {
  response?: string | null;
  choices?: Choice[];
  model?: string | null;
  usage?: ProviderUsage | null;
  error?: unknown;
}

type GenerationBinding = (
  model: string,
  inputs: { messages: ChatMessage[]; stream: boolean; max_tokens: number; temperature: number },
) => Promise<ReadableStream<Uint8Array> | AnswerPiece>;

/** Names of servers for an answer that ended at its limit of tokens. */
const CUT_SHORT: ReadonlySet<string> = new Set(["length", "max_tokens"]);
/** Names for an answer that its model did not finish. Any other name is one for a finished answer. */
const UNFINISHED: ReadonlySet<string> = new Set([
  "error",
  "abort",
  "aborted",
  "cancelled",
  "content_filter",
  "tool_calls",
]);

/**
 * Yields the answer's text as it comes, without a reasoning model's thoughts.
 *
 * Throws what the binding throws, also in the middle of a stream, and `AnswerBrokeOff` for an answer that is not whole: it
 * was ended by an error or a filter, nobody said that it had ended, or nothing came for `idle_ms`.
 */
export async function* generate(
  ai: Pick<Ai, "run">,
  { model, messages, stream, tokens_max, idle_ms }: GenerationRequest,
): AsyncGenerator<string, Generation> {
  const run = ai.run as unknown as GenerationBinding;
  const answer = await run(model, { messages, stream, max_tokens: tokens_max, temperature: 0 });
  const thoughts = new ReasoningFilter();
  const told: Generation = { usage: null, model: null, cut_short: false };
  if (!(answer instanceof ReadableStream)) {
    note(told, answer);
    yield thoughts.push(textOf(answer)) + thoughts.finish();
    return told;
  }
  let finished = false;
  for await (const data of eventData(answer, idle_ms)) {
    if (data === "[DONE]") {
      finished = true;
      break;
    }
    const piece = JSON.parse(data) as AnswerPiece;
    finished = note(told, piece) || finished;
    const text = thoughts.push(textOf(piece));
    if (text !== "") yield text;
  }
  const rest = thoughts.finish();
  if (rest !== "") yield rest;
  if (!finished) throw new AnswerBrokeOff("the stream ended, but not the answer");
  return told;
}

/** Data of the events of a stream that is given up, and cancelled, when nothing comes for `idle_ms`. */
async function* eventData(stream: ReadableStream<Uint8Array>, idle_ms: number): AsyncGenerator<string> {
  const reader = stream.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream()).getReader();
  try {
    for (;;) {
      const next = await within(idle_ms, reader.read());
      if (next.done) return;
      if (next.value.event === "error") throw new AnswerBrokeOff("the stream reports an error");
      yield next.value.data;
    }
  } finally {
    // Whoever stops listening stops the model, too. That must not hide why.
    reader.cancel().catch(() => {});
  }
}

async function within<T>(idle_ms: number, work: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | null = null;
  const silence = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new AnswerBrokeOff(`nothing came for ${idle_ms} ms`)), idle_ms);
  });
  try {
    return await Promise.race([work, silence]);
  } finally {
    clearTimeout(timer);
  }
}

/** Takes down what a piece tells beside text. True when it says that the answer is finished. */
function note(told: Generation, piece: AnswerPiece): boolean {
  if (piece.error) throw new AnswerBrokeOff("the model reports an error");
  told.model = piece.model || told.model;
  if (piece.usage) {
    told.usage = { tokens_in: piece.usage.prompt_tokens ?? 0, tokens_out: piece.usage.completion_tokens ?? 0 };
  }
  const reason = piece.choices?.[0]?.finish_reason;
  if (!reason) return false;
  if (UNFINISHED.has(reason)) throw new AnswerBrokeOff(`the model ended with ${reason}`);
  if (CUT_SHORT.has(reason)) told.cut_short = true;
  return true;
}

function textOf(piece: AnswerPiece): string {
  const [choice] = piece.choices ?? [];
  return piece.response ?? choice?.delta?.content ?? choice?.message?.content ?? "";
}
