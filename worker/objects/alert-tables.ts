/** The tables of the alert state. Whatever has fields that no statement looks at is kept as JSON. */
import type { Change, Message, Silence } from "../alerts/announce.ts";
import type { DeliveryRecord } from "../alerts/calls.ts";
import type { Delivery } from "../alerts/deliver.ts";
import type { Alert } from "../alerts/evaluate.ts";
import type { Job } from "../alerts/heartbeats.ts";
import type { Slice } from "../alerts/windows.ts";
import type { Tally } from "../ground/tally.ts";

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS alerts (id TEXT PRIMARY KEY, rule TEXT NOT NULL, alert TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS silences (id TEXT PRIMARY KEY, until_ms INTEGER NOT NULL, silence TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS jobs (job TEXT PRIMARY KEY, state TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, fact TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS changes (
    seq INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, change TEXT NOT NULL, is_told INTEGER NOT NULL DEFAULT 0
  );
  CREATE TABLE IF NOT EXISTS slices (
    from_minute INTEGER PRIMARY KEY, to_minute INTEGER NOT NULL, tally TEXT NOT NULL, is_whole INTEGER NOT NULL DEFAULT 1
  );
  CREATE TABLE IF NOT EXISTS deliveries (
    id INTEGER PRIMARY KEY AUTOINCREMENT, channel TEXT NOT NULL, message TEXT NOT NULL, state TEXT NOT NULL,
    attempts INTEGER NOT NULL, created_ms INTEGER NOT NULL, at_ms INTEGER NOT NULL, error TEXT
  );
  CREATE INDEX IF NOT EXISTS deliveries_waiting ON deliveries (at_ms) WHERE state = 'waiting';
`;

type DeliveryRow = Pick<DeliveryRecord, "id" | "channel" | "state" | "attempts" | "created_ms" | "at_ms" | "error"> & {
  message: string;
};

export class AlertTables {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    sql.exec(SCHEMA);
  }

  fact<T>(name: string): T | null {
    const [row] = this.#sql.exec<{ fact: string }>("SELECT fact FROM facts WHERE name = ?1", name).toArray();
    return row === undefined ? null : JSON.parse(row.fact);
  }

  setFact(name: string, fact: unknown): void {
    this.#sql.exec("INSERT OR REPLACE INTO facts VALUES (?1, ?2)", name, JSON.stringify(fact));
  }

  alerts(): Alert[] {
    const rows = this.#sql.exec<{ alert: string }>("SELECT alert FROM alerts ORDER BY id");
    return [...rows].map(({ alert }) => JSON.parse(alert));
  }

  putAlert(alert: Alert): void {
    this.#sql.exec("INSERT OR REPLACE INTO alerts VALUES (?1, ?2, ?3)", alert.id, alert.rule, JSON.stringify(alert));
  }

  replaceAlerts(rule: string, alerts: readonly Alert[]): void {
    this.#sql.exec("DELETE FROM alerts WHERE rule = ?1", rule);
    for (const alert of alerts) this.putAlert(alert);
  }

  silences(now_ms: number): Silence[] {
    const rows = this.#sql.exec<{ silence: string }>(
      "SELECT silence FROM silences WHERE until_ms > ?1 ORDER BY id",
      now_ms,
    );
    return [...rows].map(({ silence }) => JSON.parse(silence));
  }

  putSilence(silence: Silence, now_ms: number): void {
    const { id, until_ms } = silence;
    this.#sql.exec("INSERT OR REPLACE INTO silences VALUES (?1, ?2, ?3)", id, until_ms, JSON.stringify(silence));
    this.#sql.exec("DELETE FROM silences WHERE until_ms <= ?1", now_ms);
  }

  jobs(): Job[] {
    const rows = this.#sql.exec<{ state: string }>("SELECT state FROM jobs ORDER BY job");
    // Jobs that reported before runs had names.
    return [...rows].map(({ state }) => ({ run_id: null, due_ms: null, ...JSON.parse(state) }));
  }

  putJob(job: Job): void {
    this.#sql.exec("INSERT OR REPLACE INTO jobs VALUES (?1, ?2)", job.job, JSON.stringify(job));
  }

  /** Newest first. */
  changes(since_ms: number): Change[] {
    const sql = "SELECT change FROM changes WHERE at_ms >= ?1 ORDER BY seq DESC";
    return [...this.#sql.exec<{ change: string }>(sql, since_ms)].map(({ change }) => JSON.parse(change));
  }

  addChange(change: Change, kept: number): void {
    this.#sql.exec("INSERT INTO changes (at_ms, change) VALUES (?1, ?2)", change.at_ms, JSON.stringify(change));
    this.#sql.exec("DELETE FROM changes WHERE seq <= (SELECT MAX(seq) FROM changes) - ?1", kept);
  }

  /** Those that nobody was told of, oldest first; from now on they count as told. */
  takeUntoldChanges(): Change[] {
    const rows = this.#sql
      .exec<{ change: string }>("SELECT change FROM changes WHERE is_told = 0 ORDER BY seq")
      .toArray();
    this.#sql.exec("UPDATE changes SET is_told = 1 WHERE is_told = 0");
    return rows.map(({ change }) => JSON.parse(change));
  }

  /** Oldest first. */
  slices(): Slice[] {
    const rows = this.#sql.exec<{ from_minute: number; to_minute: number; tally: string }>(
      "SELECT from_minute, to_minute, tally FROM slices ORDER BY from_minute",
    );
    return [...rows].map((row) => ({ ...row, tally: JSON.parse(row.tally) }));
  }

  putSlice({ from_minute, to_minute, tally }: Slice): void {
    const sql = "INSERT OR REPLACE INTO slices (from_minute, to_minute, tally) VALUES (?1, ?2, ?3)";
    this.#sql.exec(sql, from_minute, to_minute, JSON.stringify(tally));
  }

  dropSlices(before_minute: number): void {
    this.#sql.exec("DELETE FROM slices WHERE from_minute < ?1", before_minute);
  }

  thinSlices(before_minute: number, thinned: (tally: Tally) => Tally): void {
    const sql = "SELECT from_minute, tally FROM slices WHERE is_whole = 1 AND from_minute < ?1";
    for (const { from_minute, tally } of this.#sql
      .exec<{ from_minute: number; tally: string }>(sql, before_minute)
      .toArray())
      this.#sql.exec(
        "UPDATE slices SET tally = ?2, is_whole = 0 WHERE from_minute = ?1",
        from_minute,
        JSON.stringify(thinned(JSON.parse(tally))),
      );
  }

  addDelivery(channel: string, message: Message, now_ms: number): void {
    this.#sql.exec(
      "INSERT INTO deliveries (channel, message, state, attempts, created_ms, at_ms) VALUES (?1, ?2, 'waiting', 0, ?3, ?3)",
      channel,
      JSON.stringify(message),
      now_ms,
    );
  }

  dueDeliveries(now_ms: number, most: number): Delivery[] {
    const sql =
      "SELECT id, channel, message FROM deliveries WHERE state = 'waiting' AND at_ms <= ?1 ORDER BY id LIMIT ?2";
    const rows = this.#sql.exec<{ id: number; channel: string; message: string }>(sql, now_ms, most);
    return [...rows].map((row) => ({ ...row, message: JSON.parse(row.message) }));
  }

  delivery(id: number): DeliveryRecord | null {
    const [row] = this.#sql.exec<DeliveryRow>("SELECT * FROM deliveries WHERE id = ?1", id).toArray();
    return row === undefined ? null : recordOf(row);
  }

  /** Newest first. */
  deliveries(): DeliveryRecord[] {
    return [...this.#sql.exec<DeliveryRow>("SELECT * FROM deliveries ORDER BY id DESC")].map(recordOf);
  }

  settle(
    id: number,
    { state, attempts, at_ms, error }: Pick<DeliveryRecord, "state" | "attempts" | "at_ms" | "error">,
  ): void {
    const sql = "UPDATE deliveries SET state = ?2, attempts = ?3, at_ms = ?4, error = ?5 WHERE id = ?1";
    this.#sql.exec(sql, id, state, attempts, at_ms, error);
  }

  /** What waits for a channel about an alert that is over: sent later, it would raise the alert again. */
  overtake(channel: string, alert: string, now_ms: number): void {
    this.#sql.exec(
      `UPDATE deliveries SET state = 'given up', at_ms = ?3, error = COALESCE(error, 'it resolved before')
       WHERE state = 'waiting' AND channel = ?1 AND json_extract(message, '$.alert') = ?2`,
      channel,
      alert,
      now_ms,
    );
  }

  /** Forgets settled deliveries beyond the newest ones. */
  dropDeliveries(kept: number): void {
    this.#sql.exec(
      "DELETE FROM deliveries WHERE state <> 'waiting' AND id <= (SELECT MAX(id) FROM deliveries) - ?1",
      kept,
    );
  }
}

function recordOf({ message, ...row }: DeliveryRow): DeliveryRecord {
  const { kind, alert } = JSON.parse(message) as Message;
  return { ...row, kind, alert };
}
