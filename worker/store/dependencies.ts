/**
 * The bindings that may be down, each behind its breaker and time limit. One pair a isolate: breakers must outlive
 * the unit of work that opened them.
 */
import type { Env } from "../env.ts";
import {
  AI_CONVERT_TIMEOUT_MS,
  AI_EMBED_PATIENT_TIMEOUT_MS,
  AI_EMBED_TIMEOUT_MS,
  AI_GENERATE_TIMEOUT_MS,
  AI_IDLE_TIMEOUT_MS,
  VECTORIZE_TIMEOUT_MS,
} from "../limits.ts";
import type { Called, Timings } from "../telemetry/timings.ts";
import type { Embedder } from "../vectors/embed.ts";
import { Breaker, CircuitOpen, guardedCall } from "./breaker.ts";

export const breakers = {
  embedding: new Breaker(),
  generation: new Breaker(),
  conversion: new Breaker(),
  vectorize: new Breaker(),
};

/** One file to Markdown. The binding takes lists, too, and answers in their order. */
interface Converter {
  toMarkdown(file: MarkdownDocument, options: ConversionRequestOptions): Promise<ConversionResponse>;
}
export type GuardedAi = Pick<Ai, "run"> & Embedder & Converter;
export type GuardedVectorize = Pick<Vectorize, "query" | "upsert" | "deleteByIds">;

/** How long models are waited for. */
interface AiPatience {
  /** For vectors that a caller waits for, and for those of a queue message. */
  embed_ms: number;
  embed_patient_ms: number;
  /** Until a whole answer, or the beginning of a stream, and until its first text. */
  generate_ms: number;
  /** Between two pieces of a stream. */
  idle_ms: number;
}

/** The limits of `limits.ts`, unless the stack's variables set others: a model on an old machine is slower than a data centre. */
export function aiPatience(
  env: Pick<Env, "AI_EMBED_TIMEOUT_MS" | "AI_GENERATE_TIMEOUT_MS" | "AI_IDLE_TIMEOUT_MS">,
): AiPatience {
  const set = (text: string, preset: number): number => (/^[1-9]\d{0,8}$/.test(text) ? Number(text) : preset);
  const embed_ms = set(env.AI_EMBED_TIMEOUT_MS, AI_EMBED_TIMEOUT_MS);
  return {
    embed_ms,
    embed_patient_ms: Math.max(embed_ms, AI_EMBED_PATIENT_TIMEOUT_MS),
    generate_ms: set(env.AI_GENERATE_TIMEOUT_MS, AI_GENERATE_TIMEOUT_MS),
    idle_ms: set(env.AI_IDLE_TIMEOUT_MS, AI_IDLE_TIMEOUT_MS),
  };
}

/**
 * Embedding calls (`text` in the inputs) and generation fail apart, so each has its own breaker. A call that is given up is
 * aborted, as is every call, and every stream that has begun, when `left` aborts: the model must not go on working for nobody.
 */
export function guardedAi(
  env: Env,
  timings: Timings,
  kind: "waited for" | "patient",
  left: AbortSignal | undefined,
): GuardedAi {
  const patience = aiPatience(env);
  const embed_ms = kind === "patient" ? patience.embed_patient_ms : patience.embed_ms;
  const run = (model: string, inputs: object, options: object = {}) => {
    const embedding = "text" in inputs;
    const breaker = embedding ? breakers.embedding : breakers.generation;
    const binding = env.AI as unknown as { run(...args: unknown[]): Promise<unknown> };
    const call = (given_up: AbortSignal) => {
      const signal = left ? AbortSignal.any([given_up, left]) : given_up;
      return binding.run(model, inputs, { ...options, signal });
    };
    return timings.measure(embedding ? "embedding" : "generation", () =>
      guardedCall(breaker, embedding ? embed_ms : patience.generate_ms, call, left),
    );
  };
  const toMarkdown: Converter["toMarkdown"] = (file, options) =>
    timings.measure("conversion", () =>
      guardedCall(breakers.conversion, AI_CONVERT_TIMEOUT_MS, () => env.AI.toMarkdown(file, options)),
    );
  return { run, toMarkdown } as unknown as GuardedAi;
}

/** While the operator lets no caller use models: they fall back as when models are down. */
const refuse = () => Promise.reject(new CircuitOpen("the mode of the service is `degraded`"));
export const refusedAi: GuardedAi = { run: refuse, toMarkdown: refuse };

export function guardedVectorize(env: Env, timings: Timings): GuardedVectorize {
  const guard = <T>(called: Called, work: () => Promise<T>) =>
    timings.measure(called, () => guardedCall(breakers.vectorize, VECTORIZE_TIMEOUT_MS, work));
  return {
    query: (vector, options) => guard("vector query", () => env.VECTORIZE.query(vector, options)),
    upsert: (vectors) => guard("vector write", () => env.VECTORIZE.upsert(vectors)),
    deleteByIds: (ids) => guard("vector write", () => env.VECTORIZE.deleteByIds(ids)),
  };
}
