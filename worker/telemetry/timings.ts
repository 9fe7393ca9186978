/** Durations of one unit of work by dependency, and what it used of their allowances. */
import { CallerLeft } from "../ground/time-limit.ts";

const DEPENDENCIES = ["db", "kv", "vector", "ai"] as const;
type Dependency = (typeof DEPENDENCIES)[number];

/**
 * What a call and its failure count as. Kinds of calls that fail apart are counted apart: searches that find Vectorize down must not
 * drown in writes that it takes. A failing cache is a miss.
 */
export const COUNTED = {
  db: { dependency: "db", calls: "database_queries", errors: "database_errors" },
  kv: { dependency: "kv", calls: "kv_reads", errors: null },
  "vector query": { dependency: "vector", calls: "vector_calls/query", errors: "vector_errors/query" },
  /** By ids, or of the index itself. */
  "vector read": { dependency: "vector", calls: "vector_calls/read", errors: "vector_errors/read" },
  "vector write": { dependency: "vector", calls: "vector_calls/write", errors: "vector_errors/write" },
  embedding: { dependency: "ai", calls: "ai_calls/embedding", errors: "ai_errors/embedding" },
  generation: { dependency: "ai", calls: "ai_calls/generation", errors: "ai_errors/generation" },
  conversion: { dependency: "ai", calls: "ai_calls/conversion", errors: "ai_errors/conversion" },
} as const satisfies Record<string, { dependency: Dependency; calls: string; errors: string | null }>;
export type Called = keyof typeof COUNTED;

export class Timings {
  readonly started_ms: number;
  readonly #spent_ms: Record<Dependency, number> = { db: 0, kv: 0, vector: 0, ai: 0 };
  /** Rows as D1 bills them. The Cache API costs nothing and is not counted. */
  readonly counts = {
    database_queries: 0,
    database_errors: 0,
    rows_read: 0,
    rows_written: 0,
    kv_reads: 0,
    kv_writes: 0,
    "vector_calls/query": 0,
    "vector_errors/query": 0,
    "vector_calls/read": 0,
    "vector_errors/read": 0,
    "vector_calls/write": 0,
    "vector_errors/write": 0,
    "ai_calls/embedding": 0,
    "ai_errors/embedding": 0,
    "ai_calls/generation": 0,
    "ai_errors/generation": 0,
    "ai_calls/conversion": 0,
    "ai_errors/conversion": 0,
  };

  constructor(started_ms: number) {
    this.started_ms = started_ms;
  }

  /** Awaits `work` and books its duration. Workers' clocks only advance over I/O, which is what is measured here. */
  async measure<T>(called: Called, work: () => Promise<T>): Promise<T> {
    const started_ms = performance.now();
    const { dependency, calls, errors } = COUNTED[called];
    this.counts[calls] += 1;
    try {
      return await work();
    } catch (error) {
      if (errors !== null && !(error instanceof CallerLeft)) this.counts[errors] += 1;
      throw error;
    } finally {
      this.#spent_ms[dependency] += performance.now() - started_ms;
    }
  }

  spent_ms(dependency: Dependency): number {
    return this.#spent_ms[dependency];
  }

  /** The `Server-Timing` header value, in the order of `DEPENDENCIES`, total last. */
  header(now_ms: number): string {
    const parts = DEPENDENCIES.filter((name) => this.#spent_ms[name] > 0).map(
      (name) => `${name};dur=${this.#spent_ms[name].toFixed(1)}`,
    );
    parts.push(`total;dur=${(now_ms - this.started_ms).toFixed(1)}`);
    return parts.join(", ");
  }
}
