/** Durations of one request by dependency, for `Server-Timing` and the log line. */

export const DEPENDENCIES = ["db", "kv", "vector", "ai"] as const;
export type Dependency = (typeof DEPENDENCIES)[number];

export class Timings {
  readonly started_ms: number;
  readonly #spent_ms: Record<Dependency, number> = { db: 0, kv: 0, vector: 0, ai: 0 };
  database_queries = 0;

  constructor(started_ms: number) {
    this.started_ms = started_ms;
  }

  add(dependency: Dependency, duration_ms: number): void {
    this.#spent_ms[dependency] += duration_ms;
  }

  /** Awaits `work` and books its duration. Workers' clocks only advance over I/O, which is what is measured here. */
  async measure<T>(dependency: Dependency, work: () => Promise<T>): Promise<T> {
    const started_ms = performance.now();
    if (dependency === "db") this.database_queries += 1;
    try {
      return await work();
    } finally {
      this.add(dependency, performance.now() - started_ms);
    }
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
