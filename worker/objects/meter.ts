/**
 * The meter: exact counts across isolates.
 *
 * A SQLite Durable Object per shard; a key always maps to the same shard. What a call brings is one upsert a key, and one a
 * series, into its minute's bucket. A call that is lost with its `waitUntil` is lost for good: the meter's stated error.
 * Series are kept by the minute for a day, by the hour for a month, and then as one sum, so that a counter never falls.
 */

import { DurableObject } from "cloudflare:workers";
import type { Env } from "../env.ts";
import type {
  HourTally,
  KeyTally,
  MeterCalls,
  Sample,
  Series,
  SeriesTally,
  SlowStatement,
  StepTally,
  Turn,
  UnitSample,
} from "../ground/meter.ts";
import { addTally, type Tally } from "../ground/tally.ts";
import { MINUTE_MS } from "../ground/time.ts";
import { METER_KEYS_MAX, METER_MINUTES_KEPT, METER_RETENTION_DAYS } from "../limits.ts";
import { KeyUse } from "./key-use.ts";
import { SlowStatements } from "./slow-statements.ts";
import { Turns } from "./turns.ts";
import { Users } from "./users.ts";

const MINUTES_A_DAY = 1_440;
const MINUTES_AN_HOUR = 60;

/** Of what a row of `series` is the sum. */
type Span = "minute" | "hour" | "ever";

export class Meter extends DurableObject<Env> implements MeterCalls {
  /** Requests of the current UTC day by key, for keys with a quota; read from the buckets after waking up. */
  #used = new Map<string, number>();
  #day = 0;
  #pruned_hour = 0;
  readonly #slow = new SlowStatements(this.ctx.storage.sql);
  readonly #turns = new Turns(this.ctx.storage.sql);
  readonly #users = new Users(this.ctx.storage.sql);
  readonly #keyUse = new KeyUse(this.ctx.storage.sql);
  /** Every series since the first call, by its JSON; made when somebody asks. */
  #lifetime: Map<string, Tally> | null = null;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    ctx.storage.sql.exec(`CREATE TABLE IF NOT EXISTS minutes (
      minute INTEGER NOT NULL,
      key_id TEXT NOT NULL,
      requests INTEGER NOT NULL,
      errors INTEGER NOT NULL,
      tokens_in INTEGER NOT NULL,
      tokens_out INTEGER NOT NULL,
      tokens_saved INTEGER NOT NULL,
      neurons REAL NOT NULL,
      PRIMARY KEY (minute, key_id)
    ) WITHOUT ROWID`);
    ctx.storage.sql.exec(`CREATE TABLE IF NOT EXISTS series (
      span TEXT NOT NULL,
      minute INTEGER NOT NULL,
      series TEXT NOT NULL,
      tally TEXT NOT NULL,
      PRIMARY KEY (span, minute, series)
    ) WITHOUT ROWID`);
  }

  /** Adds samples to their buckets. Returns, for each key with a quota, its requests of the sample's UTC day. */
  record(samples: Sample[], units: UnitSample[]): Record<string, number> {
    for (const { minute, series, tally } of units) {
      const name = JSON.stringify(series);
      this.#addTo("minute", minute, name, tally);
      if (this.#lifetime !== null) addTally(entry(this.#lifetime, name), tally);
      this.#prune(minute);
    }
    const used_today: Record<string, number> = {};
    for (const sample of samples) {
      this.#startDay(sample.minute);
      this.#keyUse.see(sample.key_id, this.#day);
      for (const user of sample.users) this.#users.see(user, this.#day);
      if (sample.has_quota) {
        const used = this.#usedBefore(sample) + sample.requests;
        this.#used.set(sample.key_id, used);
        used_today[sample.key_id] = used;
      }
      this.#add(sample);
    }
    return used_today;
  }

  /** Requests in steps of time, for charts: what lies in hours counts for the step that its hour begins in. */
  readSteps(from_minute: number, to_minute: number, step_minutes: number): StepTally[] {
    const sql =
      "SELECT minute, series, tally FROM series WHERE span IN ('minute', 'hour') AND minute >= ?1 AND minute < ?2";
    const steps = new Map<number, Tally>();
    const rows = this.ctx.storage.sql.exec<{ minute: number; series: string; tally: string }>(
      sql,
      from_minute,
      to_minute,
    );
    for (const { minute, series, tally } of rows) {
      const { kind, outcome }: Series = JSON.parse(series);
      if (kind !== "request") continue;
      const first = from_minute + Math.floor((minute - from_minute) / step_minutes) * step_minutes;
      const step = steps.get(first) ?? {};
      steps.set(first, step);
      const sum: Tally = JSON.parse(tally);
      addTally(step, sum);
      if (outcome === "failed") addTally(step, { failed: sum.units ?? 0 });
    }
    return [...steps].map(([minute, tally]) => ({ minute, tally }));
  }

  /** What each series adds up to from one minute (since the epoch) to before another: of minutes, and of hours begun in between. */
  read(from_minute: number, to_minute: number): SeriesTally[] {
    const sql = "SELECT series, tally FROM series WHERE span IN ('minute', 'hour') AND minute >= ?1 AND minute < ?2";
    return listed(this.#sums(sql, from_minute, to_minute));
  }

  /** What each series adds up to since the first call. */
  readLifetime(): SeriesTally[] {
    this.#lifetime ??= this.#sums("SELECT series, tally FROM series");
    return listed(this.#lifetime);
  }

  readHours(
    names: string[],
    from_minute: number,
    to_minute: number,
    { kind, outcome }: Partial<Pick<Series, "kind" | "outcome">> = {},
  ): HourTally[] {
    // SQLite adds up faster than JSON is parsed here, and rows of a day are many.
    const sums = names.map((_, index) => `SUM(json_extract(tally, '$.' || ?${index + 5})) AS s${index}`).join(", ");
    const sql = `SELECT minute / 60 AS hour, ${sums} FROM series
      WHERE span IN ('minute', 'hour') AND minute >= ?1 AND minute < ?2
        AND json_extract(series, '$.kind') LIKE ?3 AND json_extract(series, '$.outcome') LIKE ?4 GROUP BY hour`;
    const bindings = [from_minute, to_minute, kind ?? "%", outcome ?? "%", ...names];
    const rows = this.ctx.storage.sql.exec<Record<string, number | null>>(sql, ...bindings);
    return [...rows].map((row) => ({
      hour: row.hour ?? 0,
      tally: Object.fromEntries(names.map((name, index) => [name, row[`s${index}`] ?? 0])),
    }));
  }

  users(day: number): { active: number; new: number } {
    return this.#users.count(day);
  }

  probe(now_ms: number): { first_minute: number | null } {
    const { sql } = this.ctx.storage;
    this.#turns.begin("probe", now_ms);
    if (this.#turns.last("probe")?.at_ms !== now_ms) throw new Error("what was written was not read back");
    // Hours and the sum of all are older than what is kept by the minute.
    const oldest = "SELECT MIN(minute) AS minute FROM series WHERE span = ?1";
    const [by_hour, by_minute] = ["hour", "minute"].map(
      (span) => sql.exec<{ minute: number | null }>(oldest, span).one().minute,
    );
    const [ever] = sql.exec("SELECT 1 FROM series WHERE span = 'ever' LIMIT 1").toArray();
    return { first_minute: ever === undefined ? (by_hour ?? by_minute ?? null) : 0 };
  }

  takeTurn(name: string, now_ms: number, every_ms: number): Turn {
    return this.#turns.take(name, now_ms, every_ms);
  }

  endTurn(name: string, error: string | null): void {
    this.#turns.end(name, error);
  }

  addSlow(statement: SlowStatement): void {
    this.#slow.add(statement);
  }

  slow(): SlowStatement[] {
    return this.#slow.list();
  }

  /** Requests that failed, of each key that had any, from one minute to before another. */
  readErrors(from_minute: number, to_minute: number): Record<string, number> {
    const sql = `SELECT key_id, SUM(errors) AS errors FROM minutes
                 WHERE minute >= ?1 AND minute < ?2 AND errors > 0 AND key_id <> 'anonymous' GROUP BY key_id`;
    const rows = this.ctx.storage.sql.exec<{ key_id: string; errors: number }>(sql, from_minute, to_minute);
    return Object.fromEntries([...rows].map(({ key_id, errors }) => [key_id, errors]));
  }

  /** Keys in use from one minute to before another. */
  countKeys(from_minute: number, to_minute: number): number {
    const sql = `SELECT COUNT(DISTINCT key_id) AS keys FROM minutes
                 WHERE minute >= ?1 AND minute < ?2 AND key_id <> 'anonymous'`;
    return this.ctx.storage.sql.exec<{ keys: number }>(sql, from_minute, to_minute).one().keys;
  }

  /** What the keys that called from one minute to before another have asked for, the busiest first. */
  readKeys(from_minute: number, to_minute: number): KeyTally[] {
    const sql = `SELECT key_id, SUM(requests) AS requests, SUM(errors) AS errors FROM minutes
      WHERE minute >= ?1 AND minute < ?2 GROUP BY key_id ORDER BY requests DESC LIMIT ${METER_KEYS_MAX}`;
    return this.ctx.storage.sql
      .exec<{ key_id: string; requests: number; errors: number }>(sql, from_minute, to_minute)
      .toArray();
  }

  keyUse(): ReturnType<MeterCalls["keyUse"]> {
    return this.#keyUse.read();
  }

  #sums(sql: string, ...bindings: number[]): Map<string, Tally> {
    const sums = new Map<string, Tally>();
    const rows = this.ctx.storage.sql.exec<{ series: string; tally: string }>(sql, ...bindings);
    for (const { series, tally } of rows) addTally(entry(sums, series), JSON.parse(tally));
    return sums;
  }

  #addTo(span: Span, minute: number, series: string, tally: Tally): void {
    const { sql } = this.ctx.storage;
    const select = "SELECT tally FROM series WHERE span = ?1 AND minute = ?2 AND series = ?3";
    const [row] = sql.exec<{ tally: string }>(select, span, minute, series).toArray();
    const sum: Tally = row === undefined ? {} : JSON.parse(row.tally);
    addTally(sum, tally);
    sql.exec("INSERT OR REPLACE INTO series VALUES (?1, ?2, ?3, ?4)", span, minute, series, JSON.stringify(sum));
  }

  #add(sample: Sample): void {
    this.ctx.storage.sql.exec(
      `INSERT INTO minutes VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
       ON CONFLICT (minute, key_id) DO UPDATE SET
         requests = requests + excluded.requests, errors = errors + excluded.errors,
         tokens_in = tokens_in + excluded.tokens_in, tokens_out = tokens_out + excluded.tokens_out,
         tokens_saved = tokens_saved + excluded.tokens_saved, neurons = neurons + excluded.neurons`,
      sample.minute,
      sample.key_id,
      sample.requests,
      sample.errors,
      sample.tokens_in,
      sample.tokens_out,
      sample.tokens_saved,
      sample.neurons,
    );
  }

  #startDay(minute: number): void {
    const day = Math.floor(minute / MINUTES_A_DAY);
    if (day === this.#day) return;
    this.#day = day;
    this.#used.clear();
  }

  #usedBefore({ key_id, minute }: Sample): number {
    const day = Math.floor(minute / MINUTES_A_DAY);
    const known = this.#used.get(key_id);
    if (known !== undefined) return known;
    const sql = `SELECT COALESCE(SUM(requests), 0) AS used FROM minutes
                 WHERE minute >= ?1 AND minute < ?2 AND key_id = ?3`;
    const from = day * MINUTES_A_DAY;
    return this.ctx.storage.sql.exec<{ used: number }>(sql, from, from + MINUTES_A_DAY, key_id).one().used;
  }

  /** Once an hour, so that no call pays for more than an hour's worth. */
  #prune(minute: number): void {
    const hour = Math.floor(minute / MINUTES_AN_HOUR);
    if (hour === this.#pruned_hour) return;
    this.#pruned_hour = hour;
    const oldest_kept = minute - METER_RETENTION_DAYS * MINUTES_A_DAY;
    this.ctx.storage.sql.exec("DELETE FROM minutes WHERE minute < ?1", oldest_kept);
    this.#users.forgetBefore(Math.floor(oldest_kept / MINUTES_A_DAY));
    this.#keyUse.forgetBefore(Math.floor(minute / MINUTES_A_DAY));
    this.#slow.forgetBefore(oldest_kept * MINUTE_MS);
    const toHour = (at: number) => Math.floor(at / MINUTES_AN_HOUR) * MINUTES_AN_HOUR;
    this.#rollUp("minute", toHour(minute - METER_MINUTES_KEPT), "hour", toHour);
    this.#rollUp("hour", toHour(oldest_kept), "ever", () => 0);
  }

  /** Moves what lies before a minute into the sums of a longer span. */
  #rollUp(span: Span, before_minute: number, into: Span, bucketOf: (minute: number) => number): void {
    const { sql } = this.ctx.storage;
    const rows = sql
      .exec<{ minute: number; series: string; tally: string }>(
        "SELECT minute, series, tally FROM series WHERE span = ?1 AND minute < ?2",
        span,
        before_minute,
      )
      .toArray();
    for (const { minute, series, tally } of rows) this.#addTo(into, bucketOf(minute), series, JSON.parse(tally));
    sql.exec("DELETE FROM series WHERE span = ?1 AND minute < ?2", span, before_minute);
  }
}

function entry(sums: Map<string, Tally>, series: string): Tally {
  const sum = sums.get(series) ?? {};
  sums.set(series, sum);
  return sum;
}

function listed(sums: ReadonlyMap<string, Tally>): SeriesTally[] {
  return [...sums].map(([series, tally]) => ({ series: JSON.parse(series), tally }));
}
