/**
 * The meter: exact counts across isolates.
 *
 * A SQLite Durable Object per shard; a key always maps to the same shard. What a call brings is one upsert a key
 * into its minute's bucket. A call that is lost with its `waitUntil` is lost for good: the meter's stated error.
 */
import { DurableObject } from "cloudflare:workers";
import type { Env } from "../env.ts";
import type { MeterCalls, Sample } from "../ground/meter.ts";
import { METER_RETENTION_DAYS } from "../limits.ts";

const MINUTES_A_DAY = 1_440;
const MINUTES_AN_HOUR = 60;

export class Meter extends DurableObject<Env> implements MeterCalls {
  /** Requests of the current UTC day by key, for keys with a quota; read from the buckets after waking up. */
  #used = new Map<string, number>();
  #day = 0;
  #pruned_hour = 0;

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
  }

  /** Adds samples to their buckets. Returns, for each key with a quota, its requests of the sample's UTC day. */
  record(samples: Sample[]): Record<string, number> {
    const used_today: Record<string, number> = {};
    for (const sample of samples) {
      if (sample.has_quota) {
        const used = this.#usedBefore(sample) + sample.requests;
        this.#used.set(sample.key_id, used);
        used_today[sample.key_id] = used;
      }
      this.#add(sample);
      this.#prune(sample.minute);
    }
    return used_today;
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

  #usedBefore({ key_id, minute }: Sample): number {
    const day = Math.floor(minute / MINUTES_A_DAY);
    if (day !== this.#day) {
      this.#day = day;
      this.#used.clear();
    }
    const known = this.#used.get(key_id);
    if (known !== undefined) return known;
    const sql = `SELECT COALESCE(SUM(requests), 0) AS used FROM minutes
                 WHERE minute >= ?1 AND minute < ?2 AND key_id = ?3`;
    const from = day * MINUTES_A_DAY;
    return this.ctx.storage.sql.exec<{ used: number }>(sql, from, from + MINUTES_A_DAY, key_id).one().used;
  }

  /** Once an hour, so that no call pays for more than an hour's worth of deletions. */
  #prune(minute: number): void {
    const hour = Math.floor(minute / MINUTES_AN_HOUR);
    if (hour === this.#pruned_hour) return;
    this.#pruned_hour = hour;
    this.ctx.storage.sql.exec("DELETE FROM minutes WHERE minute < ?1", minute - METER_RETENTION_DAYS * MINUTES_A_DAY);
  }
}
