/** An OpenAI-compatible server (Ollama, LM Studio, vLLM) behind the Workers AI interface. */
import { z } from "zod";
import { AI_UPSTREAM_TIMEOUT_MS } from "../limits.ts";

const embeddings = z.object({ data: z.array(z.object({ embedding: z.array(z.number()) })) });
const usage = z.object({ prompt_tokens: z.number(), completion_tokens: z.number(), total_tokens: z.number() });
const completion = z.object({
  choices: z.array(z.object({ message: z.object({ content: z.string() }) })).min(1),
  usage: usage.optional(),
});

export class OpenAiUpstream {
  readonly embeddingModel: string;
  readonly #baseUrl: string;
  readonly #apiKey: string | undefined;
  readonly #upstreamEmbeddingModel: string;
  readonly #chatModel: string;

  constructor(settings: {
    base_url: string;
    api_key: string | undefined;
    embedding_model: string;
    chat_model: string;
  }) {
    this.#baseUrl = settings.base_url.replace(/\/+$/, "");
    this.#apiKey = settings.api_key;
    this.#upstreamEmbeddingModel = settings.embedding_model;
    this.#chatModel = settings.chat_model;
    // Packs name their model; the prefix keeps an upstream's name apart from Cloudflare's of the same spelling.
    this.embeddingModel = `@openai/${settings.embedding_model}`;
  }

  /** Null without `PRISM_AI_BASE_URL`. Throws when it is set but the model names are not. */
  static fromEnvironment(environment: NodeJS.ProcessEnv): OpenAiUpstream | null {
    const base_url = environment.PRISM_AI_BASE_URL;
    if (!base_url) return null;
    const embedding_model = environment.PRISM_AI_EMBEDDING_MODEL;
    const chat_model = environment.PRISM_AI_CHAT_MODEL;
    if (!embedding_model || !chat_model) {
      throw new Error(
        "PRISM_AI_BASE_URL is set; set PRISM_AI_EMBEDDING_MODEL and PRISM_AI_CHAT_MODEL to models that server has",
      );
    }
    return new OpenAiUpstream({ base_url, api_key: environment.PRISM_AI_API_KEY, embedding_model, chat_model });
  }

  async embed(texts: string[]): Promise<Float32Array[]> {
    const response = await this.#post("/embeddings", { model: this.#upstreamEmbeddingModel, input: texts });
    return embeddings.parse(await response.json()).data.map(({ embedding }) => Float32Array.from(embedding));
  }

  /** Workers AI's answer to a chat call. Model ids of Cloudflare's catalogue map to the one configured chat model. */
  async chat(
    model: string,
    inputs: {
      messages: { role: string; content: string }[];
      stream?: boolean;
      max_tokens?: number;
      temperature?: number;
    },
  ): Promise<Response> {
    const response = await this.#post("/chat/completions", {
      ...inputs,
      model: model.startsWith("@cf/") ? this.#chatModel : model,
      ...(inputs.stream ? { stream_options: { include_usage: true } } : {}),
    });
    // OpenAI's SSE chunks pass through: the Worker reads both this shape and Workers AI's own.
    if (inputs.stream) return new Response(response.body, { headers: { "content-type": "text/event-stream" } });
    const answer = completion.parse(await response.json());
    return Response.json({ response: answer.choices[0]?.message.content ?? "", usage: answer.usage });
  }

  async #post(path: string, body: unknown): Promise<Response> {
    const response = await fetch(`${this.#baseUrl}${path}`, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        ...(this.#apiKey ? { authorization: `Bearer ${this.#apiKey}` } : {}),
      },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(AI_UPSTREAM_TIMEOUT_MS),
    }).catch((cause: unknown) => {
      throw new Error(`PRISM_AI_BASE_URL ${this.#baseUrl} cannot be reached: is the server running?`, { cause });
    });
    if (!response.ok) {
      throw new Error(`PRISM_AI_BASE_URL${path} answered ${response.status}: ${(await response.text()).slice(0, 200)}`);
    }
    return response;
  }
}
