/**
 * Workers Logs on this machine: traces as they came, a batch a row, read and taken apart only when somebody asks.
 *
 * Bounded twice: by age, as Cloudflare keeps them, and by size.
 */
import { DatabaseSync } from "node:sqlite";
import { setImmediate } from "node:timers/promises";
import { LOG_RETENTION_MS } from "../../infra/cloudflare-limits.ts";
import { LOG_STORE_BYTES_MAX } from "../limits.ts";
import { type LogEvent, logEvents } from "./log-events.ts";
import { shiftTrace, type Trace, type TraceLine } from "./trace.ts";

interface LogStoreOptions {
  account_id: string;
  now: () => number;
  plan: "free" | "paid";
}

/** A line that is kept, and whether the invocation itself is an event. */
export interface KeptLine extends TraceLine {
  invocation_logs: boolean;
}

/** One in so many batches is given up when there is no room, not one at each write. */
const GIVEN_UP_OF = 10;

export class LogStore {
  readonly #db: DatabaseSync;
  readonly #options: LogStoreOptions;
  readonly #bytes_max: number;
  #bytes: number;

  /** `path` is a file, or ":memory:". */
  constructor(path: string, options: LogStoreOptions, bytes_max = LOG_STORE_BYTES_MAX) {
    this.#options = options;
    this.#bytes_max = bytes_max;
    this.#db = new DatabaseSync(path);
    this.#db.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;
      CREATE TABLE IF NOT EXISTS batches (
        id INTEGER PRIMARY KEY AUTOINCREMENT, from_ms INTEGER NOT NULL, to_ms INTEGER NOT NULL,
        offset_ms INTEGER NOT NULL, bytes INTEGER NOT NULL, traces TEXT NOT NULL
      );
      CREATE INDEX IF NOT EXISTS batches_to ON batches (to_ms)`);
    this.#bytes = Number(this.#db.prepare("SELECT total(bytes) AS bytes FROM batches").get()?.bytes);
  }

  /** Keeps a batch; `offset_ms` is what the platform's clock is ahead of workerd's. */
  add(lines: readonly KeptLine[], offset_ms: number): void {
    if (lines.length === 0) return;
    const from_ms = Math.min(...lines.map(({ head }) => head.begun_ms)) + offset_ms;
    const to_ms = Math.max(...lines.map(({ head }) => head.ended_ms)) + offset_ms;
    const traces = lines.map(({ invocation_logs, text }) => `${Number(invocation_logs)}${text}`).join("\n");
    const bytes = Buffer.byteLength(traces);
    this.#db
      .prepare("INSERT INTO batches (from_ms, to_ms, offset_ms, bytes, traces) VALUES (?, ?, ?, ?, ?)")
      .run(from_ms, to_ms, Math.round(offset_ms), bytes, traces);
    this.#bytes += bytes;
    this.#giveUp();
  }

  /** Every event of a time, the batches newest first. Between two batches others get their turn. */
  async *events({ from, to }: { from: number; to: number }): AsyncGenerator<LogEvent> {
    const first_ms = Math.max(from, this.#oldest_ms);
    const rows = this.#db
      .prepare("SELECT id FROM batches WHERE to_ms >= ? AND from_ms <= ? ORDER BY id DESC")
      .all(first_ms, to);
    for (const { id } of rows) {
      const row = this.#db.prepare("SELECT offset_ms, traces FROM batches WHERE id = ?").get(id as number);
      for (const event of this.#batchEvents(Number(id), row))
        if (event.timestamp >= first_ms && event.timestamp <= to) yield event;
      await setImmediate();
    }
  }

  close(): void {
    this.#db.close();
  }

  get #oldest_ms(): number {
    return this.#options.now() - LOG_RETENTION_MS[this.#options.plan];
  }

  #batchEvents(batch: number, row: Record<string, unknown> | undefined): LogEvent[] {
    // Given up since it was listed.
    if (row === undefined) return [];
    let before = 0;
    return String(row.traces)
      .split("\n")
      .flatMap((line) => {
        const trace = shiftTrace(JSON.parse(line.slice(1)) as Trace, Number(row.offset_ms));
        const first = before;
        const events = logEvents(trace, {
          account_id: this.#options.account_id,
          invocation_logs: line.startsWith("1"),
          id: (timestamp, index) => eventId(timestamp, batch, first + index),
        });
        before += events.length;
        return events;
      });
  }

  #giveUp(): void {
    const old = this.#db.prepare("DELETE FROM batches WHERE to_ms < ? RETURNING bytes").all(this.#oldest_ms);
    this.#bytes -= sum(old);
    while (this.#bytes > this.#bytes_max) {
      const share = `SELECT id FROM batches ORDER BY id LIMIT 1 + (SELECT count(*) FROM batches) / ${GIVEN_UP_OF}`;
      const full = this.#db.prepare(`DELETE FROM batches WHERE id IN (${share}) RETURNING bytes`).all();
      this.#bytes -= sum(full);
    }
  }
}

function sum(rows: Record<string, unknown>[]): number {
  return rows.reduce((bytes, row) => bytes + Number(row.bytes), 0);
}

/** 26 characters, as Cloudflare's; they sort by time, and those of one time as they came. */
function eventId(timestamp: number, batch: number, index: number): string {
  const part = (value: number, chars: number) => value.toString(36).toUpperCase().padStart(chars, "0");
  return `${part(timestamp, 10)}${part(batch, 10)}${part(index, 6)}`;
}
