/** The statements of D1 that took longest, of all isolates, with their plans: a small table of the meter's first part. */
import type { SlowStatement } from "../ground/meter.ts";
import { SLOW_STATEMENTS_MAX } from "../limits.ts";

export class SlowStatements {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    sql.exec(`CREATE TABLE IF NOT EXISTS slow_statements (
      statement TEXT NOT NULL PRIMARY KEY,
      plan TEXT NOT NULL,
      times INTEGER NOT NULL,
      max_ms REAL NOT NULL,
      last_at_ms INTEGER NOT NULL
    ) WITHOUT ROWID`);
  }

  add({ statement, plan, max_ms, last_at_ms }: SlowStatement): void {
    this.#sql.exec(
      `INSERT INTO slow_statements VALUES (?1, ?2, 1, ?3, ?4) ON CONFLICT (statement) DO UPDATE SET
         plan = excluded.plan, times = times + 1, max_ms = max(max_ms, excluded.max_ms), last_at_ms = excluded.last_at_ms`,
      statement,
      plan,
      max_ms,
      last_at_ms,
    );
    // What was slow last stays at first, so that a new one can become one of the slowest.
    this.#sql.exec(
      `DELETE FROM slow_statements WHERE statement IN (
         SELECT statement FROM slow_statements WHERE statement <> ?1 ORDER BY max_ms DESC LIMIT -1 OFFSET ?2)`,
      statement,
      SLOW_STATEMENTS_MAX - 1,
    );
  }

  /** Slowest first. */
  list(): SlowStatement[] {
    return this.#sql
      .exec<SlowStatement & Record<string, SqlStorageValue>>("SELECT * FROM slow_statements ORDER BY max_ms DESC")
      .toArray();
  }

  forgetBefore(at_ms: number): void {
    this.#sql.exec("DELETE FROM slow_statements WHERE last_at_ms < ?1", at_ms);
  }
}
