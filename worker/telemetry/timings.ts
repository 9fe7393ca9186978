/** Durations of one unit of work by dependency, and what it used of their allowances. */

const DEPENDENCIES = ["db", "kv", "vector", "ai"] as const;
type Dependency = (typeof DEPENDENCIES)[number];

/** What a call and its failure count as. A failing cache is a miss. */
const COUNTED = {
  db: ["database_queries", "database_errors"],
  kv: ["kv_reads", null],
  vector: ["vector_queries", "vector_errors"],
  ai: ["ai_calls", "ai_errors"],
} as const satisfies Record<Dependency, unknown>;

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
    vector_queries: 0,
    vector_errors: 0,
    ai_calls: 0,
    ai_errors: 0,
  };

  constructor(started_ms: number) {
    this.started_ms = started_ms;
  }

  /** Awaits `work` and books its duration. Workers' clocks only advance over I/O, which is what is measured here. */
  async measure<T>(dependency: Dependency, work: () => Promise<T>): Promise<T> {
    const started_ms = performance.now();
    const [calls, errors] = COUNTED[dependency];
    this.counts[calls] += 1;
    try {
      return await work();
    } catch (error) {
      if (errors !== null) this.counts[errors] += 1;
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
