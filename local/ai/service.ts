/**
 * Workers AI on this machine: embeddings, chat and reranking in the shapes of `env.AI.run`, files in those of `toMarkdown`.
 *
 * With `PRISM_AI_BASE_URL` the work goes to an OpenAI-compatible server; without it a lexical embedder and an
 * extractive answerer are built in, so that the platform answers offline and without downloading weights.
 */
import { z } from "zod";
import { AI_TEXTS_PER_CALL_MAX, VECTORIZE_DIMENSIONS_MAX } from "../../infra/cloudflare-limits.ts";
import type { VARIABLES } from "../../infra/inventory.ts";
import { estimateTokens } from "../../worker/rag/text/tokens.ts";
import { embeddingModel } from "../../worker/vectors/models.ts";
import { AI_UPSTREAM_EMBED_TIMEOUT_MS, AI_UPSTREAM_IDLE_TIMEOUT_MS, AI_UPSTREAM_NOTICE_MS } from "../limits.ts";
import { answerExtractively } from "./extractive-answerer.ts";
import { embedLexical, LEXICAL_MODEL } from "./lexical-embedder.ts";
import { type ChatInputs, OpenAiUpstream, UpstreamError } from "./openai-upstream.ts";
import { toMarkdown } from "./to-markdown.ts";

const message = z.object({ role: z.string(), content: z.string() });
const call = z.object({
  model: z.string(),
  inputs: z.union([
    z.object({ text: z.union([z.string(), z.array(z.string())]) }),
    z.object({ query: z.string(), contexts: z.array(z.object({ text: z.string() })), top_k: z.number().optional() }),
    z.object({
      messages: z.array(message),
      stream: z.boolean().optional(),
      max_tokens: z.number().optional(),
      temperature: z.number().optional(),
    }),
  ]),
});

/** What answers where no upstream does. */
const EXTRACTIVE_MODEL = "@prism/extractive-v1";

/** What the stand-in was asked to do since it started; `ops bench` and quota checks read it. */
export interface AiUsage {
  embedding_calls: number;
  embedded_texts: number;
  embedded_tokens: number;
  chat_calls: number;
  chat_input_tokens: number;
  chat_output_tokens: number;
}

class NoSuchModel extends Error {}

export class AiService {
  readonly usage: AiUsage = {
    embedding_calls: 0,
    embedded_texts: 0,
    embedded_tokens: 0,
    chat_calls: 0,
    chat_input_tokens: 0,
    chat_output_tokens: 0,
  };
  readonly #upstream: OpenAiUpstream | null;

  constructor(upstream: OpenAiUpstream | null) {
    this.#upstream = upstream;
  }

  /** From `PRISM_AI_BASE_URL`, `PRISM_AI_API_KEY`, `PRISM_AI_EMBEDDING_MODEL` and `PRISM_AI_CHAT_MODEL`. */
  static fromEnvironment(environment: NodeJS.ProcessEnv): AiService {
    return new AiService(OpenAiUpstream.fromEnvironment(environment));
  }

  /** The model id that packs and the Worker's EMBEDDING_MODEL carry. */
  get embeddingModel(): string {
    return this.#upstream?.embeddingModel ?? LEXICAL_MODEL;
  }

  /** Variables of the Worker that follow from the kind of model: one on this machine may need minutes. */
  variables(environment: NodeJS.ProcessEnv): Partial<Record<keyof typeof VARIABLES, string>> {
    if (!this.#upstream) return {};
    const { timeout_ms } = this.#upstream;
    return {
      FOLLOW_UPS: "model",
      EMBEDDING_QUERY_PREFIX: environment.PRISM_AI_EMBEDDING_QUERY_PREFIX ?? "",
      EMBEDDING_PASSAGE_PREFIX: environment.PRISM_AI_EMBEDDING_PASSAGE_PREFIX ?? "",
      AI_EMBED_TIMEOUT_MS: String(Math.min(timeout_ms, AI_UPSTREAM_EMBED_TIMEOUT_MS)),
      AI_GENERATE_TIMEOUT_MS: String(timeout_ms),
      AI_IDLE_TIMEOUT_MS: String(Math.min(timeout_ms, AI_UPSTREAM_IDLE_TIMEOUT_MS)),
    };
  }

  /** Dimensions of the embedding model, asked of the upstream once at start. */
  async embeddingDimensions(on_wait?: (line: string) => void): Promise<number> {
    const notice = setTimeout(
      () => on_wait?.("Waiting for the server of PRISM_AI_BASE_URL, which may have to load its model."),
      AI_UPSTREAM_NOTICE_MS,
    );
    const texts = ["dimensions"];
    const limit_ms = Math.min(this.#upstream?.timeout_ms ?? 0, AI_UPSTREAM_EMBED_TIMEOUT_MS);
    const embedding = this.#upstream?.embed(texts, undefined, limit_ms) ?? embedLexical(texts);
    const [vector] = await Promise.resolve(embedding).finally(() => clearTimeout(notice));
    if (!vector) throw new Error("the embedding model returned no vector for a probe text");
    if (vector.length > VECTORIZE_DIMENSIONS_MAX)
      throw new UpstreamError(
        `PRISM_AI_EMBEDDING_MODEL makes vectors of ${vector.length} dimensions, and Vectorize takes ${VECTORIZE_DIMENSIONS_MAX} at most: choose another model`,
      );
    return vector.length;
  }

  /** The Node side of the binding: a `run` call as JSON in, the model's answer (JSON or SSE) out; or a file in, Markdown out. */
  async handle(request: Request): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname === "/run") return this.run(await request.json(), request.signal);
    const bytes = new Uint8Array(await request.arrayBuffer());
    return Response.json(await toMarkdown(searchParams.get("name") ?? "", searchParams.get("type") ?? "", bytes));
  }

  /** A call of any face: `{model, inputs}`. */
  async run(asked: unknown, signal: AbortSignal): Promise<Response> {
    const parsed = call.safeParse(asked);
    if (!parsed.success) return new Response(`5006: ${z.prettifyError(parsed.error)}`, { status: 400 });
    const { model, inputs } = parsed.data;
    try {
      if ("text" in inputs) return Response.json(await this.#embed(model, [inputs.text].flat(), signal));
      if ("query" in inputs) return Response.json(rerankLexically(inputs.query, inputs.contexts));
      return await this.#chat(model, inputs, signal);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      const [status, code] = error instanceof NoSuchModel ? [400, 5007] : [502, 3040];
      return new Response(`${code}: ${message}`, { status });
    }
  }

  async #embed(
    model: string,
    texts: string[],
    signal: AbortSignal,
  ): Promise<{ shape: [number, number]; data: number[][] }> {
    // Cloudflare's models it stands in for; one that ran here before cannot be had from the one that runs here now.
    if (/^@(?:openai|prism)\//.test(model) && model !== this.embeddingModel) {
      throw new NoSuchModel(`${model} is not what embeds here now: ${this.embeddingModel}`);
    }
    if (texts.length > AI_TEXTS_PER_CALL_MAX) {
      throw new Error(`${texts.length} texts in one call; Workers AI takes at most ${AI_TEXTS_PER_CALL_MAX}`);
    }
    this.usage.embedding_calls += 1;
    this.usage.embedded_texts += texts.length;
    for (const text of texts) this.usage.embedded_tokens += estimateTokens(text);
    // A model of Cloudflare's has its own number of dimensions.
    const { dimensions } = embeddingModel({ EMBEDDING_MODEL: model });
    const vectors = this.#upstream ? await this.#upstream.embed(texts, signal) : embedLexical(texts, dimensions);
    return { shape: [vectors.length, vectors[0]?.length ?? 0], data: vectors.map((vector) => Array.from(vector)) };
  }

  async #chat(model: string, inputs: ChatInputs, signal: AbortSignal): Promise<Response> {
    this.usage.chat_calls += 1;
    if (this.#upstream) return this.#upstream.chat(model, inputs, signal);
    const { text } = answerExtractively(inputs.messages);
    const usage = {
      prompt_tokens: inputs.messages.reduce((sum, { content }) => sum + estimateTokens(content), 0),
      completion_tokens: estimateTokens(text),
      total_tokens: 0,
    };
    usage.total_tokens = usage.prompt_tokens + usage.completion_tokens;
    this.usage.chat_input_tokens += usage.prompt_tokens;
    this.usage.chat_output_tokens += usage.completion_tokens;
    if (!inputs.stream) return Response.json({ response: text, usage, model: EXTRACTIVE_MODEL });
    // Word by word, as a generator would: a client's streaming code meets pieces, also inside a citation.
    const pieces = text.match(/\s*\S{1,8}/g) ?? [];
    const events = pieces.map((piece) => `data: ${JSON.stringify({ response: piece })}\n\n`);
    events.push(`data: ${JSON.stringify({ response: "", usage, model: EXTRACTIVE_MODEL })}\n\n`, "data: [DONE]\n\n");
    return new Response(events.join(""), { headers: { "content-type": "text/event-stream" } });
  }
}

/** Cosine of lexical embeddings, in the answer shape of `@cf/baai/bge-reranker-base`. */
function rerankLexically(query: string, contexts: { text: string }[]): { response: { id: number; score: number }[] } {
  const [queryVector, ...vectors] = embedLexical([query, ...contexts.map(({ text }) => text)]);
  const scored = vectors.map((vector, id) => ({
    id,
    score: vector.reduce((sum, value, i) => sum + value * (queryVector?.[i] ?? 0), 0),
  }));
  return { response: scored.sort((a, b) => b.score - a.score) };
}
