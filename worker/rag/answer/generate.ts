/** Text from a model through the AI binding, whole or in pieces, whichever of the two answer shapes it speaks. */
import { EventSourceParserStream } from "eventsource-parser/stream";
import { ANSWER_TOKENS_MAX } from "../../limits.ts";
import type { ChatMessage } from "./prompt.ts";

export interface TokenUsage {
  tokens_in: number;
  tokens_out: number;
}

interface ProviderUsage {
  prompt_tokens?: number;
  completion_tokens?: number;
}

/** Workers AI's own shape, or OpenAI's, which newer models of the catalogue and upstream servers speak. */
interface AnswerPiece {
  response?: string | null;
  choices?: { delta?: { content?: string | null }; message?: { content?: string | null } }[];
  usage?: ProviderUsage | null;
}

type GenerationBinding = (
  model: string,
  inputs: { messages: ChatMessage[]; stream: boolean; max_tokens: number; temperature: number },
) => Promise<ReadableStream<Uint8Array> | AnswerPiece>;

/**
 * Yields the answer's text as it comes and returns the provider's token counts; null where it gave none.
 * Throws what the binding throws, also in the middle of a stream.
 */
export async function* generate(
  ai: Pick<Ai, "run">,
  model: string,
  messages: ChatMessage[],
  stream: boolean,
): AsyncGenerator<string, TokenUsage | null> {
  const run = ai.run as unknown as GenerationBinding;
  const answer = await run(model, { messages, stream, max_tokens: ANSWER_TOKENS_MAX, temperature: 0 });
  if (!(answer instanceof ReadableStream)) {
    yield textOf(answer);
    return usageOf(answer);
  }
  let usage: TokenUsage | null = null;
  const events = answer.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream());
  for await (const { data } of events) {
    if (data === "[DONE]") break;
    const piece = JSON.parse(data) as AnswerPiece;
    usage = usageOf(piece) ?? usage;
    const text = textOf(piece);
    if (text !== "") yield text;
  }
  return usage;
}

function textOf(piece: AnswerPiece): string {
  const [choice] = piece.choices ?? [];
  return piece.response ?? choice?.delta?.content ?? choice?.message?.content ?? "";
}

function usageOf({ usage }: AnswerPiece): TokenUsage | null {
  return usage ? { tokens_in: usage.prompt_tokens ?? 0, tokens_out: usage.completion_tokens ?? 0 } : null;
}
