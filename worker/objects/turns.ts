/** What only one isolate may do in a while: who took the last turn, when, and how it ended. A small table of the meter's first part. */
import type { Turn } from "../ground/meter.ts";

export class Turns {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    sql.exec(`CREATE TABLE IF NOT EXISTS turns (
      name TEXT NOT NULL PRIMARY KEY,
      at_ms INTEGER NOT NULL,
      ended INTEGER NOT NULL,
      error TEXT
    ) WITHOUT ROWID`);
  }

  /** Takes a turn, if the last one began `every_ms` ago or earlier. */
  take(name: string, now_ms: number, every_ms: number): Turn {
    const last = this.last(name);
    const granted = last === null || now_ms - last.at_ms >= every_ms;
    if (granted) this.begin(name, now_ms);
    return { granted, last };
  }

  begin(name: string, now_ms: number): void {
    this.#sql.exec("INSERT OR REPLACE INTO turns VALUES (?1, ?2, 0, NULL)", name, now_ms);
  }

  /** `error` is null where it went well. */
  end(name: string, error: string | null): void {
    this.#sql.exec("UPDATE turns SET ended = 1, error = ?2 WHERE name = ?1", name, error);
  }

  last(name: string): Turn["last"] {
    const sql = "SELECT at_ms, ended, error FROM turns WHERE name = ?1";
    const [row] = this.#sql.exec<{ at_ms: number; ended: number; error: string | null }>(sql, name).toArray();
    return row === undefined ? null : { ...row, ended: row.ended === 1 };
  }
}
