/**
 * Text from a model through the AI binding, whole or in pieces, whichever of the two answer shapes it speaks.
 *
 * The end of the bytes is not the end of an answer: a stream is whole when its model or its protocol said so.
 */
import { EventSourceParserStream } from "eventsource-parser/stream";
import {
  AI_AFTER_END_TIMEOUT_MS,
  ANSWER_CHARS_PER_TOKEN_MAX,
  ANSWER_TOKENS_MIN_CUT,
  STREAM_EVENT_CHARS_MAX,
} from "../../limits.ts";
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
  patience: StreamPatience;
}

/** A stream of which no text comes for so long is given up. */
export interface StreamPatience {
  /** Until the first comes: a server may say at once that it will answer, and then read the prompt for minutes. */
  generate_ms: number;
  /** From then on. */
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
  /** What was known by then. */
  told: Generation | null = null;
}

interface Choice {
  index?: unknown;
  delta?: { content?: unknown; reasoning_content?: unknown; reasoning?: unknown } | null;
  message?: { content?: unknown } | null;
  finish_reason?: unknown;
}

/** Workers AI's own shape, or OpenAI's, which newer models of the catalogue and upstream servers speak, each in its own way. */
interface AnswerPiece {
  response?: unknown;
  choices?: (Choice | null)[] | null;
  model?: unknown;
  usage?: { prompt_tokens?: unknown; completion_tokens?: unknown } | null;
  error?: unknown;
  /** `error` for some servers. */
  object?: unknown;
  /** How FastAPI tells an error. */
  detail?: unknown;
}

type GenerationBinding = (
  model: string,
  inputs: { messages: ChatMessage[]; stream: boolean; max_tokens: number; temperature: number },
) => Promise<ReadableStream<Uint8Array> | AnswerPiece>;

/** In names of servers for an answer that ended at its limit of tokens. */
const CUT_SHORT = /length|token_?s?_?limit|(?:max|limit)_.*tokens?|window|truncat/;
/** In names for an answer that its model did not finish. Any other name is one for a finished answer. */
const UNFINISHED =
  /error|abort|cancel|filter|block|safety|sensitive|prohibit|recitation|refus|timeout|tool|function|insufficient|overload|guardrail|spii|incomplete|fail|pause|interrupt|disconnect/;
/** What may stand in answers and bills as a model's name. */
const MODEL_NAME = /^[^\p{C}]{1,200}$/u;

/**
 * Yields the answer's text as it comes, without a reasoning model's thoughts.
 *
 * Throws what the binding throws, and `AnswerBrokeOff` for an answer that is not whole: it was ended by an error or a filter, nobody
 * said that it had ended, nothing came for too long, or what came is no answer. One that goes on far beyond `tokens_max` is cut there.
 */
export async function* generate(
  ai: Pick<Ai, "run">,
  { model, messages, stream, tokens_max, patience }: GenerationRequest,
): AsyncGenerator<string, Generation> {
  const run = ai.run as unknown as GenerationBinding;
  const answer = await run(model, { messages, stream, max_tokens: tokens_max, temperature: 0 });
  const thoughts = new ReasoningFilter();
  const told: Generation = { usage: null, model: null, cut_short: false };
  const chars_max = ANSWER_CHARS_PER_TOKEN_MAX * Math.max(tokens_max, ANSWER_TOKENS_MIN_CUT);
  if (!(answer instanceof ReadableStream)) {
    note(told, answer);
    const text = textOf(answer);
    told.cut_short ||= text.length > chars_max;
    yield thoughts.push(text.slice(0, chars_max).toWellFormed()) + thoughts.finish();
    return told;
  }
  const signs = new WholeSigns();
  let finished = false;
  let chars = 0;
  const limit_ms = () => {
    if (finished) return Math.min(AI_AFTER_END_TIMEOUT_MS, patience.idle_ms);
    return chars > 0 ? patience.idle_ms : patience.generate_ms;
  };
  const silence = new Silence(limit_ms);
  try {
    for await (const data of eventData(answer, silence, () => finished)) {
      if (data === "[DONE]") {
        finished = true;
        break;
      }
      const piece = JSON.parse(data) as AnswerPiece;
      const text = finished ? "" : textOf(piece);
      // Thoughts that a server sends apart take as long, and may go on as long, as those in the text. A piece of nothing is no sign of life.
      const said_chars = finished ? 0 : text.length + thoughtChars(piece);
      if (said_chars > 0) silence.end();
      yield thoughts.push(signs.push(text.slice(0, Math.max(0, chars_max - chars))));
      chars += said_chars;
      if (note(told, piece) && !finished) {
        finished = true;
        silence.end();
      }
      if (chars > chars_max) {
        told.cut_short = true;
        return told;
      }
    }
    yield thoughts.push(signs.finish()) + thoughts.finish();
    if (!finished) throw new AnswerBrokeOff("the stream ended, but not the answer");
    return told;
  } catch (cause) {
    const broken = cause instanceof AnswerBrokeOff ? cause : new AnswerBrokeOff("the stream broke off", { cause });
    broken.told = told;
    throw broken;
  } finally {
    silence.end();
  }
}

/**
 * Data of the events of a stream that is given up, and cancelled, when it has been silent for too long. What the model has finished
 * is whole, however its connection ends: some servers keep it open, others reset it.
 */
async function* eventData(
  stream: ReadableStream<Uint8Array>,
  silence: Silence,
  isFinished: () => boolean,
): AsyncGenerator<string> {
  const reader = stream
    .pipeThrough(new TextDecoderStream())
    .pipeThrough(endedByBlankLine())
    .pipeThrough(new EventSourceParserStream({ maxBufferSize: STREAM_EVENT_CHARS_MAX }))
    .getReader();
  try {
    for (;;) {
      // Only while something is waited for: a caller who reads slowly is not the model's fault.
      silence.begin();
      const next = await Promise.race([reader.read(), silence.promise]).catch((error: unknown) => {
        if (isFinished()) return { done: true, value: undefined } as const;
        throw error;
      });
      if (next.done) return;
      if (next.value.event === "error") throw new AnswerBrokeOff("the stream reports an error");
      const data = next.value.data.trim();
      // Some servers and proxies keep a connection alive with events of nothing.
      if (data !== "") yield data;
    }
  } finally {
    // Whoever stops listening stops the model, too. That must not hide why.
    reader.cancel().catch(() => {});
  }
}

/** The last event of some servers ends with the bytes; half of one is no JSON, or says nothing. */
function endedByBlankLine(): TransformStream<string, string> {
  return new TransformStream({ flush: (controller) => controller.enqueue("\n\n") });
}

/** What lies between two pieces that say something: `begin` where none has begun, `end` with such a piece. */
class Silence {
  /** Rejects when one lasts too long. */
  readonly promise: Promise<never>;
  readonly #limit_ms: () => number;
  readonly #giveUp: (why: AnswerBrokeOff) => void;
  #timer: ReturnType<typeof setTimeout> | null = null;

  constructor(limit_ms: () => number) {
    const { promise, reject } = Promise.withResolvers<never>();
    // Nobody may be listening when it is too late.
    promise.catch(() => {});
    this.promise = promise;
    this.#limit_ms = limit_ms;
    this.#giveUp = reject;
  }

  begin(): void {
    const limit_ms = this.#limit_ms();
    this.#timer ??= setTimeout(() => this.#giveUp(new AnswerBrokeOff(`nothing came for ${limit_ms} ms`)), limit_ms);
  }

  end(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }
}

/** Text in pieces of whole signs: half of one, which a strict client of ours could not read, waits for the other, or U+FFFD stands for it. */
class WholeSigns {
  #half = "";

  push(piece: string): string {
    const text = this.#half + piece;
    this.#half = /[\ud800-\udbff]$/.exec(text)?.[0] ?? "";
    return text.slice(0, text.length - this.#half.length).toWellFormed();
  }

  finish(): string {
    return this.#half.toWellFormed();
  }
}

/** Takes down what a piece tells beside text. True when it says that the answer is finished. */
function note(told: Generation, piece: AnswerPiece): boolean {
  const { error, object, detail, choices, model, usage } = piece;
  if (error || object === "error" || (detail && !choices)) throw new AnswerBrokeOff("the model reports an error");
  if (typeof model === "string" && MODEL_NAME.test(model)) told.model = model;
  const counts = [usage?.prompt_tokens, usage?.completion_tokens].filter(isCount);
  if (counts.length === 2) told.usage = { tokens_in: counts[0] ?? 0, tokens_out: counts[1] ?? 0 };
  const given = firstOf(piece)?.finish_reason;
  if (typeof given !== "string" || given === "") return false;
  const reason = given.toLowerCase();
  if (UNFINISHED.test(reason)) throw new AnswerBrokeOff(`the model ended with ${reason}`);
  if (CUT_SHORT.test(reason)) told.cut_short = true;
  return true;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

function textOf(piece: AnswerPiece): string {
  const choice = firstOf(piece);
  // The last piece of some servers repeats the whole message beside what it adds.
  return plainText(piece.response ?? (choice?.delta ?? choice?.message)?.content ?? "");
}

/** The answer that was asked for: a server that makes several of them numbers their pieces. */
function firstOf({ choices }: AnswerPiece): Choice | null | undefined {
  return choices?.find((choice) => (choice?.index ?? 0) === 0);
}

/** Characters of what a reasoning model thinks, where the server sends it apart: never shown. */
function thoughtChars(piece: AnswerPiece): number {
  const { reasoning_content, reasoning } = firstOf(piece)?.delta ?? {};
  const thought = reasoning_content ?? reasoning;
  return typeof thought === "string" ? thought.length : 0;
}

/** Text, a number that Workers AI took a token for, or a list of parts, of which those that are text count. */
function plainText(content: unknown): string {
  if (typeof content === "string" || typeof content === "number") return String(content);
  if (!Array.isArray(content)) throw new AnswerBrokeOff("what the model sent is no text");
  return content
    .map((part: { type?: unknown; text?: unknown } | null) => (part?.type === "text" ? plainText(part.text) : ""))
    .join("");
}
