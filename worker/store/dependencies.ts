/**
 * The bindings that may be down, each behind its breaker and time limit. One pair a isolate: breakers must outlive
 * the unit of work that opened them.
 */
import type { Env } from "../env.ts";
import { AI_GENERATE_TIMEOUT_MS, VECTORIZE_TIMEOUT_MS } from "../limits.ts";
import type { Timings } from "../telemetry/timings.ts";
import { Breaker, guardedCall } from "./breaker.ts";

export const breakers = { embedding: new Breaker(), generation: new Breaker(), vectorize: new Breaker() };

export type GuardedAi = Pick<Ai, "run">;
export type GuardedVectorize = Pick<Vectorize, "query" | "upsert" | "deleteByIds">;

/** Embedding calls (`text` in the inputs) and generation fail apart, so each has its own breaker. */
export function guardedAi(env: Env, timings: Timings, embed_timeout_ms: number): GuardedAi {
  const run = (model: string, inputs: object, ...rest: unknown[]) => {
    const embedding = "text" in inputs;
    const breaker = embedding ? breakers.embedding : breakers.generation;
    const timeout_ms = embedding ? embed_timeout_ms : AI_GENERATE_TIMEOUT_MS;
    return timings.measure("ai", () =>
      guardedCall(breaker, timeout_ms, () =>
        (env.AI as unknown as { run(...args: unknown[]): Promise<unknown> }).run(model, inputs, ...rest),
      ),
    );
  };
  return { run } as unknown as GuardedAi;
}

export function guardedVectorize(env: Env, timings: Timings): GuardedVectorize {
  const guard = <T>(work: () => Promise<T>) =>
    timings.measure("vector", () => guardedCall(breakers.vectorize, VECTORIZE_TIMEOUT_MS, work));
  return {
    query: (vector, options) => guard(() => env.VECTORIZE.query(vector, options)),
    upsert: (vectors) => guard(() => env.VECTORIZE.upsert(vectors)),
    deleteByIds: (ids) => guard(() => env.VECTORIZE.deleteByIds(ids)),
  };
}
