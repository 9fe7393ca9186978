/**
 * Messages of the local queues, in SQLite: they outlive a deployment, a restart and a crash, which miniflare's
 * in-memory broker does not (it even drops messages of queues without a Worker consumer, dead-letter queues above all).
 *
 * Knows storage and order, not who consumes: `queue-broker.ts` delivers, `queue-messages.ts` is the REST face.
 */
import { randomBytes } from "node:crypto";
import { DatabaseSync, type SQLOutputValue } from "node:sqlite";

type QueueContentType = "text" | "json" | "bytes";

export interface NewMessage {
  content_type: QueueContentType;
  /** Text as it is, JSON as its text, bytes as base64. */
  body: string;
  delay_s: number;
}

export interface StoredMessage {
  id: string;
  content_type: QueueContentType;
  body: string;
  timestamp_ms: number;
  /** Deliveries so far, the present one included. */
  attempts: number;
  /** Names this delivery; empty for a message that is not out. */
  lease_id: string;
}

export interface Backlog {
  backlog_count: number;
  backlog_bytes: number;
  /** 0 when there is none. */
  oldest_message_timestamp_ms: number;
}

const COLUMNS = "id, content_type, body, timestamp_ms, attempts, lease_id";

export class QueueStore {
  readonly #db: DatabaseSync;

  /** `path` is a file, or ":memory:". */
  constructor(path: string) {
    this.#db = new DatabaseSync(path);
    this.#db.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;
      CREATE TABLE IF NOT EXISTS messages (
        seq INTEGER PRIMARY KEY AUTOINCREMENT, queue_id TEXT NOT NULL, id TEXT NOT NULL, content_type TEXT NOT NULL,
        body TEXT NOT NULL, bytes INTEGER NOT NULL, timestamp_ms INTEGER NOT NULL, visible_ms INTEGER NOT NULL,
        attempts INTEGER NOT NULL DEFAULT 0, lease_id TEXT NOT NULL DEFAULT '', UNIQUE (queue_id, id));
      CREATE INDEX IF NOT EXISTS by_visibility ON messages (queue_id, visible_ms, seq);
      CREATE INDEX IF NOT EXISTS by_lease ON messages (lease_id) WHERE lease_id <> ''`);
  }

  push(queueId: string, messages: readonly NewMessage[], now_ms: number): void {
    this.#together(() => {
      const insert = this.#db.prepare(
        `INSERT INTO messages (queue_id, id, content_type, body, bytes, timestamp_ms, visible_ms) VALUES (?, ?, ?, ?, ?, ?, ?)`,
      );
      for (const { content_type, body, delay_s } of messages) {
        const id = randomBytes(16).toString("hex");
        insert.run(
          queueId,
          id,
          content_type,
          body,
          messageBytes({ content_type, body }),
          now_ms,
          now_ms + delay_s * 1000,
        );
      }
    });
  }

  /** Takes up to `count` visible messages out for `lease_ms`; unacknowledged by then, they are visible again. */
  lease(queueId: string, count: number, lease_ms: number, now_ms: number): StoredMessage[] {
    return this.#together(() => {
      const rows = this.#db
        .prepare(`SELECT seq FROM messages WHERE queue_id = ? AND visible_ms <= ? ORDER BY visible_ms, seq LIMIT ?`)
        .all(queueId, now_ms, count);
      const take = this.#db.prepare(
        `UPDATE messages SET attempts = attempts + 1, lease_id = ?, visible_ms = ? WHERE seq = ? RETURNING ${COLUMNS}`,
      );
      return rows.map(({ seq = null }) => message(take.get(randomBytes(16).toString("hex"), now_ms + lease_ms, seq)));
    });
  }

  /** The next messages in order, left where they are. */
  peek(queueId: string, count: number, now_ms: number): StoredMessage[] {
    return this.#db
      .prepare(
        `SELECT ${COLUMNS} FROM messages WHERE queue_id = ? AND visible_ms <= ? ORDER BY visible_ms, seq LIMIT ?`,
      )
      .all(queueId, now_ms, count)
      .map(message);
  }

  /** Removes a delivered message. False when the lease is unknown or was given to somebody else since. */
  ack(leaseId: string): boolean {
    return this.#db.prepare("DELETE FROM messages WHERE lease_id = ? AND lease_id <> ''").run(leaseId).changes > 0;
  }

  /** Gives a delivered message back, visible at `visible_ms`. `uncounted` when the delivery never reached anybody. */
  release(leaseId: string, visible_ms: number, uncounted = false): boolean {
    const sql = `UPDATE messages SET lease_id = '', visible_ms = ?, attempts = attempts - ? WHERE lease_id = ? AND lease_id <> ''`;
    return this.#db.prepare(sql).run(visible_ms, Number(uncounted), leaseId).changes > 0;
  }

  /** Moves a delivered message to another queue, keeping its id and time; `toQueueId` null drops it. */
  move(leaseId: string, toQueueId: string | null, now_ms: number): void {
    if (toQueueId === null) {
      this.ack(leaseId);
      return;
    }
    this.#db
      .prepare(
        `UPDATE OR REPLACE messages SET queue_id = ?, lease_id = '', attempts = 0, visible_ms = ? WHERE lease_id = ? AND lease_id <> ''`,
      )
      .run(toQueueId, now_ms, leaseId);
  }

  /** Gives back every delivery of a queue: after a start, whoever had them is gone. */
  releaseAll(queueId: string, now_ms: number): void {
    this.#db
      .prepare("UPDATE messages SET lease_id = '', visible_ms = ? WHERE queue_id = ? AND lease_id <> ''")
      .run(now_ms, queueId);
  }

  /** Drops messages that are older than the queue keeps them. */
  expire(queueId: string, before_ms: number): void {
    this.#db.prepare("DELETE FROM messages WHERE queue_id = ? AND timestamp_ms < ?").run(queueId, before_ms);
  }

  /** Removes all messages of a queue, or those with the given ids. Returns how many. */
  purge(queueId: string, ids?: readonly string[]): number {
    if (!ids) return Number(this.#db.prepare("DELETE FROM messages WHERE queue_id = ?").run(queueId).changes);
    const sql = "DELETE FROM messages WHERE queue_id = ? AND id IN (SELECT value FROM json_each(?))";
    return Number(this.#db.prepare(sql).run(queueId, JSON.stringify(ids)).changes);
  }

  backlog(queueId: string): Backlog {
    const row = this.#db
      .prepare(
        `SELECT count(*) AS count, coalesce(sum(bytes), 0) AS bytes, coalesce(min(timestamp_ms), 0) AS oldest FROM messages WHERE queue_id = ?`,
      )
      .get(queueId);
    return {
      backlog_count: Number(row?.count),
      backlog_bytes: Number(row?.bytes),
      oldest_message_timestamp_ms: Number(row?.oldest),
    };
  }

  /** How many messages are visible now, and since when the first of them waits; null when none. */
  waiting(queueId: string, now_ms: number): { count: number; since_ms: number } | null {
    const row = this.#db
      .prepare(
        "SELECT count(*) AS count, min(visible_ms) AS since FROM messages WHERE queue_id = ? AND visible_ms <= ?",
      )
      .get(queueId, now_ms);
    return Number(row?.count) > 0 ? { count: Number(row?.count), since_ms: Number(row?.since) } : null;
  }

  close(): void {
    this.#db.close();
  }

  #together<T>(work: () => T): T {
    this.#db.exec("BEGIN IMMEDIATE");
    try {
      const result = work();
      this.#db.exec("COMMIT");
      return result;
    } catch (error) {
      this.#db.exec("ROLLBACK");
      throw error;
    }
  }
}

/** Bytes a message counts for. */
export function messageBytes({ content_type, body }: Pick<NewMessage, "content_type" | "body">): number {
  return content_type === "bytes" ? Buffer.byteLength(body, "base64") : Buffer.byteLength(body);
}

function message(row: Record<string, SQLOutputValue> | undefined): StoredMessage {
  return {
    id: String(row?.id),
    content_type: String(row?.content_type) as QueueContentType,
    body: String(row?.body),
    timestamp_ms: Number(row?.timestamp_ms),
    attempts: Number(row?.attempts),
    lease_id: String(row?.lease_id),
  };
}
