/** On which day (since the epoch) each key was last used: kept far longer than what it asked for, so that a key nobody uses can be told. */
import { KEY_USE_DAYS } from "../limits.ts";

/** What requests without a valid credential are counted as. */
const ANONYMOUS = "anonymous";
/** In place of a key's id: the day of the first key that was ever noted. */
const SINCE = "";

export class KeyUse {
  readonly #sql: SqlStorage;
  /** What is in the table already. */
  readonly #noted = new Map<string, number>();

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    sql.exec(
      "CREATE TABLE IF NOT EXISTS key_use (key_id TEXT NOT NULL PRIMARY KEY, day INTEGER NOT NULL) WITHOUT ROWID",
    );
  }

  /** A row a key and day is written. */
  see(key_id: string, day: number): void {
    if (key_id === ANONYMOUS || (this.#noted.get(key_id) ?? 0) >= day) return;
    this.#noted.set(key_id, day);
    this.#sql.exec("INSERT INTO key_use VALUES (?1, ?2) ON CONFLICT (key_id) DO NOTHING", SINCE, day);
    const sql = "INSERT INTO key_use VALUES (?1, ?2) ON CONFLICT (key_id) DO UPDATE SET day = max(day, excluded.day)";
    this.#sql.exec(sql, key_id, day);
  }

  read(): { since_day: number | null; last_days: Record<string, number> } {
    const rows = this.#sql.exec<{ key_id: string; day: number }>("SELECT key_id, day FROM key_use").toArray();
    const { [SINCE]: since_day = null, ...last_days } = Object.fromEntries(
      rows.map(({ key_id, day }) => [key_id, day]),
    );
    return { since_day, last_days };
  }

  forgetBefore(today: number): void {
    const before = today - KEY_USE_DAYS;
    this.#sql.exec("DELETE FROM key_use WHERE key_id <> ?1 AND day < ?2", SINCE, before);
    for (const [key_id, day] of this.#noted) if (day < before) this.#noted.delete(key_id);
  }
}
