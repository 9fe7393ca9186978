/** An OpenAI-compatible server (Ollama, LM Studio, vLLM) behind the Workers AI interface. */
import { z } from "zod";
import { redactSecrets } from "../../worker/telemetry/redact.ts";
import { AI_UPSTREAM_TIMEOUT_MS } from "../limits.ts";

const embeddings = z.object({
  data: z.array(z.object({ index: z.int().nonnegative().nullish(), embedding: z.array(z.number()) })),
});
/** What is not needed may be anything: servers differ in it, and a good answer must not be lost for it. */
const completion = z.object({
  model: z.string().nullish().catch(null),
  choices: z
    .array(
      z.object({
        message: z.object({ content: z.union([z.string(), z.array(z.unknown())]).nullish() }),
        finish_reason: z.string().nullish().catch(null),
      }),
    )
    .min(1),
  error: z.unknown().optional(),
  usage: z.object({ prompt_tokens: z.number(), completion_tokens: z.number() }).nullish().catch(null),
});

/** How a stream of events begins, also one that its server calls something else. */
const EVENT_STREAM = /^(?:data|event|id|retry)?:/;

export interface ChatInputs {
  messages: { role: string; content: string }[];
  stream?: boolean;
  max_tokens?: number;
  temperature?: number;
}

interface UpstreamSettings {
  base_url: string;
  api_key: string | undefined;
  embedding_model: string;
  chat_model: string;
  /** What a whole answer, or the beginning of a stream, may take. */
  timeout_ms: number;
}

export class OpenAiUpstream {
  readonly embeddingModel: string;
  readonly #baseUrl: string;
  readonly #settings: UpstreamSettings;

  constructor(settings: UpstreamSettings) {
    this.#baseUrl = settings.base_url.replace(/\/+$/, "");
    this.#settings = settings;
    // Packs name their model; the prefix keeps an upstream's name apart from Cloudflare's of the same spelling.
    this.embeddingModel = `@openai/${settings.embedding_model}`;
  }

  /** Null without `PRISM_AI_BASE_URL`. Throws when it is set but the model names are not, or the limit is no number of seconds. */
  static fromEnvironment(environment: NodeJS.ProcessEnv): OpenAiUpstream | null {
    // Without what a file of variables leaves around them: a blank, a carriage return.
    const trimmed = (value: string | undefined) => value?.trim() || undefined;
    const base_url = trimmed(environment.PRISM_AI_BASE_URL);
    if (!base_url) return null;
    const embedding_model = trimmed(environment.PRISM_AI_EMBEDDING_MODEL);
    const chat_model = trimmed(environment.PRISM_AI_CHAT_MODEL);
    if (!/^https?:\/\//.test(base_url) || !URL.canParse(base_url)) {
      throw new UpstreamError(`PRISM_AI_BASE_URL takes an address like http://127.0.0.1:11434/v1, not "${base_url}"`);
    }
    const { username, password, search, hash } = new URL(base_url);
    if (username + password + search + hash !== "") {
      throw new UpstreamError(
        "PRISM_AI_BASE_URL takes an address without credentials, query and fragment: a key goes into PRISM_AI_API_KEY",
      );
    }
    if (!embedding_model || !chat_model) {
      throw new UpstreamError(
        "PRISM_AI_BASE_URL is set; set PRISM_AI_EMBEDDING_MODEL and PRISM_AI_CHAT_MODEL to models that server has",
      );
    }
    const seconds_max = AI_UPSTREAM_TIMEOUT_MS / 1000;
    const seconds = trimmed(environment.PRISM_AI_TIMEOUT_S) ?? String(seconds_max);
    if (!/^\d{1,3}$/.test(seconds) || Number(seconds) < 1 || Number(seconds) > seconds_max) {
      throw new UpstreamError(`PRISM_AI_TIMEOUT_S takes whole seconds from 1 to ${seconds_max}, not "${seconds}"`);
    }
    return new OpenAiUpstream({
      base_url,
      api_key: trimmed(environment.PRISM_AI_API_KEY),
      embedding_model,
      chat_model,
      timeout_ms: Number(seconds) * 1000,
    });
  }

  get timeout_ms(): number {
    return this.#settings.timeout_ms;
  }

  /** One vector for each text, in the order of the texts. Throws for an answer that is not just that. */
  async embed(
    texts: string[],
    signal?: AbortSignal,
    limit_ms: number = this.#settings.timeout_ms,
  ): Promise<Float32Array[]> {
    const path = "/embeddings";
    const body = { model: this.#settings.embedding_model, input: texts };
    const { data } = await this.#post(path, body, signal, limit_ms, async (response) =>
      this.#parsed(path, response, await response.text(), embeddings),
    );
    const vectors = inOrder(data).map((embedding) => Float32Array.from(embedding));
    const dimensions = vectors[0]?.length;
    if (vectors.length !== texts.length || vectors.some(({ length }) => length === 0 || length !== dimensions)) {
      throw new UpstreamError(
        `${this.#address(path)} did not answer one vector of one length for each of ${texts.length} texts`,
      );
    }
    if (vectors.some((vector) => vector.every((value) => value === 0))) {
      throw new UpstreamError(
        `${this.#address(path)} answered a vector of zeros: it means nothing, and is near to nothing`,
      );
    }
    if (vectors.some((vector) => vector.some((value) => !Number.isFinite(value)))) {
      throw new UpstreamError(`${this.#address(path)} answered a number that is too large for a vector`);
    }
    return vectors;
  }

  /** Workers AI's answer to a chat call, in OpenAI's shape. Models of Cloudflare's catalogue map to the configured one. */
  async chat(model: string, inputs: ChatInputs, signal?: AbortSignal): Promise<Response> {
    const path = "/chat/completions";
    const name = model.startsWith("@cf/") ? this.#settings.chat_model : model;
    const body = {
      ...inputs,
      model: name,
      ...(inputs.stream ? { stream_options: { include_usage: true } } : {}),
    };
    return this.#post(path, body, signal, this.#settings.timeout_ms, async (response) => {
      const type = response.headers.get("content-type") ?? "";
      // Before what the server sends, which may name its model or not. Its byte order mark would not be the first character then.
      const named = `data: ${JSON.stringify({ model: name, choices: [] })}\n\n`;
      // Also where none was asked for: some servers do nothing but stream.
      if (response.body && type.toLowerCase().includes("text/event-stream")) {
        const sent = response.body.pipeThrough(new TextDecoderStream()).pipeThrough(new TextEncoderStream());
        return eventStream(prefixed(new TextEncoder().encode(named), sent));
      }
      const text = await response.text();
      if (EVENT_STREAM.test(text)) return eventStream(named + text);
      const answer = this.#parsed(path, response, text, completion);
      const whole = { ...answer, model: answer.model ?? name };
      // A server that does not stream answers whole.
      return inputs.stream ? eventStream(`data: ${JSON.stringify(whole)}\n\ndata: [DONE]\n\n`) : Response.json(whole);
    });
  }

  #address(path: string): string {
    return `PRISM_AI_BASE_URL ${this.#baseUrl}${path}`;
  }

  #parsed<T>(path: string, response: Response, text: string, schema: z.ZodType<T>): T {
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      const type = response.headers.get("content-type") ?? "no content type";
      throw new UpstreamError(
        `${this.#address(path)} did not answer with JSON (${type}): is this the address of an OpenAI-compatible API? It mostly ends in /v1`,
      );
    }
    const parsed = schema.safeParse(value);
    if (parsed.success) return parsed.data;
    throw new UpstreamError(
      `${this.#address(path)} answered with another shape than OpenAI's: ${z.prettifyError(parsed.error)}`,
    );
  }

  /** Posts and reads the answer by `read`, within the limit; given up as soon as `signal` aborts. */
  async #post<T>(
    path: string,
    body: unknown,
    signal: AbortSignal | undefined,
    limit_ms: number,
    read: (response: Response) => Promise<T>,
  ): Promise<T> {
    // Not AbortSignal.timeout: it would cut a stream that has begun, and go on.
    const limit = new AbortController();
    const timer = setTimeout(() => limit.abort(), limit_ms);
    try {
      const response = await fetch(`${this.#baseUrl}${path}`, {
        method: "POST",
        headers: {
          "content-type": "application/json",
          ...(this.#settings.api_key ? { authorization: `Bearer ${this.#settings.api_key}` } : {}),
        },
        body: JSON.stringify(body),
        // Followed, a POST may become a GET, and the texts may go to another host than the one that was named.
        redirect: "manual",
        signal: AbortSignal.any([limit.signal, ...(signal ? [signal] : [])]),
      }).catch((cause: unknown) => {
        if (limit.signal.aborted) throw cause;
        throw new UpstreamUnreachable(`${this.#address(path)} cannot be reached: is the server running?`, { cause });
      });
      const location = response.headers.get("location");
      if (response.status >= 300 && response.status < 400 && location !== null)
        throw new UpstreamError(`${this.#address(path)} redirects to ${location}: name that address, up to ${path}`);
      if (!response.ok) {
        const said = redactSecrets(await response.text(), [this.#settings.api_key ?? ""]).slice(0, 200);
        throw new UpstreamError(`${this.#address(path)} answered ${response.status}: ${said}`);
      }
      return await read(response);
    } catch (cause) {
      if (cause instanceof UpstreamError) throw cause;
      throw limit.signal.aborted
        ? new UpstreamUnreachable(`${this.#address(path)} did not answer within ${limit_ms / 1000} s.`, { cause })
        : new UpstreamUnreachable(`${this.#address(path)} broke its answer off`, { cause });
    } finally {
      clearTimeout(timer);
    }
  }
}

/** The upstream, or what names it in the environment, is not as it must be. */
export class UpstreamError extends Error {
  override name = "UpstreamError";
}

/** Nobody answers at the upstream's address. */
export class UpstreamUnreachable extends UpstreamError {
  override name = "UpstreamUnreachable";
}

/** By `index`, where the server gives one: it need not answer in the order of the texts. */
function inOrder(data: z.infer<typeof embeddings>["data"]): number[][] {
  if (data.every(({ index }) => typeof index !== "number")) return data.map(({ embedding }) => embedding);
  const byIndex = new Map(data.map(({ index, embedding }) => [index, embedding]));
  return data.map((_, place) => {
    const embedding = byIndex.get(place);
    if (!embedding) throw new UpstreamError(`PRISM_AI_BASE_URL answered no embedding with index ${place}`);
    return embedding;
  });
}

function eventStream(body: ReadableStream<Uint8Array> | string): Response {
  return new Response(body, { headers: { "content-type": "text/event-stream" } });
}

function prefixed(first: Uint8Array, rest: ReadableStream<Uint8Array>): ReadableStream<Uint8Array> {
  const reader = rest.getReader();
  let begun = false;
  return new ReadableStream({
    async pull(controller) {
      if (!begun) {
        begun = true;
        controller.enqueue(first);
        return;
      }
      const next = await reader.read();
      if (next.done) controller.close();
      else controller.enqueue(next.value);
    },
    cancel: (reason) => reader.cancel(reason),
  });
}
