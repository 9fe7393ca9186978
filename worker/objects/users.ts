/** Who has called on which days (since the epoch), as far as the meter tells users apart. */
import { USERS_PER_DAY_MAX } from "../limits.ts";

export class Users {
  readonly #sql: SqlStorage;
  /** Who of the newest day is in the table already. */
  readonly #seen = new Set<string>();
  #day = 0;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    sql.exec(`CREATE TABLE IF NOT EXISTS users (
      user TEXT NOT NULL PRIMARY KEY,
      first_day INTEGER NOT NULL,
      last_day INTEGER NOT NULL
    ) WITHOUT ROWID`);
  }

  see(user: string, day: number): void {
    if (day !== this.#day) this.#seen.clear();
    this.#day = day;
    if (this.#seen.has(user) || this.#seen.size >= USERS_PER_DAY_MAX) return;
    this.#seen.add(user);
    this.#sql.exec(
      `INSERT INTO users VALUES (?1, ?2, ?2)
       ON CONFLICT (user) DO UPDATE SET last_day = max(last_day, excluded.last_day)`,
      user,
      day,
    );
  }

  /** How many were there on a day, and how many of them for the first time. */
  count(day: number): { active: number; new: number } {
    const sql = "SELECT COUNT(*) AS active, COALESCE(SUM(first_day = ?1), 0) AS new FROM users WHERE last_day = ?1";
    return this.#sql.exec<{ active: number; new: number }>(sql, day).one();
  }

  forgetBefore(day: number): void {
    this.#sql.exec("DELETE FROM users WHERE last_day < ?1", day);
  }
}
