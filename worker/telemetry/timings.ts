/** Durations of one unit of work by dependency, for `Server-Timing` and the log line. */

const DEPENDENCIES = ["db", "kv", "vector", "ai"] as const;
type Dependency = (typeof DEPENDENCIES)[number];

export class Timings {
  readonly started_ms: number;
  readonly #spent_ms: Record<Dependency, number> = { db: 0, kv: 0, vector: 0, ai: 0 };
  database_queries = 0;
  database_errors = 0;

  constructor(started_ms: number) {
    this.started_ms = started_ms;
  }

  /** Awaits `work` and books its duration. Workers' clocks only advance over I/O, which is what is measured here. */
  async measure<T>(dependency: Dependency, work: () => Promise<T>): Promise<T> {
    const started_ms = performance.now();
    if (dependency === "db") this.database_queries += 1;
    try {
      return await work();
    } catch (error) {
      if (dependency === "db") this.database_errors += 1;
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
