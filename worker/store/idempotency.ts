/** Answers to idempotent requests in D1. A row with status 0 is a reservation: its request still runs. */
import { IDEMPOTENCY_LIFETIME_MS, IDEMPOTENCY_RESERVATION_MS } from "../limits.ts";
import { type Fence, fenceOf, fenceStatement } from "./fence.ts";

export interface Owner {
  key_id: string;
  /** As the caller sent it. */
  idempotency_key: string;
}

/** A key while its request runs. */
export interface HeldKey {
  owner: Owner;
  request_hash: string;
  /** False while the fence is up: the write must be deferred, or two requests with this key could both be done. */
  reserved: boolean;
}

export interface Earlier {
  request_hash: string;
  /** 0 while the first request runs. */
  status: number;
  /** Sealed answer; empty while the first request runs. */
  body: string;
}

/** An answer that had to wait. */
interface LateAnswer extends Earlier {
  owner: Owner;
  created_at_ms: number;
}

/**
 * Reserves a key for a request, or returns what holds it as `earlier`. One batch: expired rows go first (also reservations
 * whose isolate died), then the insert decides the race between two requests.
 * @throws an error of `isFenced` while the fence is up.
 */
export async function reserveKey(
  db: D1Database,
  { key_id, idempotency_key }: Owner,
  request_hash: string,
  now_ms: number,
): Promise<{ earlier: Earlier | null; fence: Fence }> {
  const [, reserved, held, fence] = await db.batch<Earlier>([
    db
      .prepare(
        `DELETE FROM idempotency WHERE created_at_ms < ?1
           OR (key_id = ?2 AND idempotency_key = ?3 AND status = 0 AND created_at_ms < ?4)`,
      )
      .bind(now_ms - IDEMPOTENCY_LIFETIME_MS, key_id, idempotency_key, now_ms - IDEMPOTENCY_RESERVATION_MS),
    db
      .prepare(
        `INSERT INTO idempotency (key_id, idempotency_key, request_hash, status, body, created_at_ms)
         VALUES (?1, ?2, ?3, 0, '', ?4) ON CONFLICT DO NOTHING RETURNING request_hash, status, body`,
      )
      .bind(key_id, idempotency_key, request_hash, now_ms),
    db
      .prepare("SELECT request_hash, status, body FROM idempotency WHERE key_id = ?1 AND idempotency_key = ?2")
      .bind(key_id, idempotency_key),
    fenceStatement(db) as D1PreparedStatement,
  ]);
  const earlier = reserved?.results.length === 1 ? null : (held?.results[0] ?? null);
  return { earlier, fence: fenceOf(fence?.results) };
}

/** What holds a key, without reserving it. A reservation whose isolate died holds nothing. */
export async function readHeld(
  db: D1Database,
  { key_id, idempotency_key }: Owner,
  now_ms: number,
): Promise<Earlier | null> {
  return db
    .prepare(
      `SELECT request_hash, status, body FROM idempotency
       WHERE key_id = ?1 AND idempotency_key = ?2 AND created_at_ms >= iif(status = 0, ?3, ?4)`,
    )
    .bind(key_id, idempotency_key, now_ms - IDEMPOTENCY_RESERVATION_MS, now_ms - IDEMPOTENCY_LIFETIME_MS)
    .first<Earlier>();
}

/** The statement that stores an answer which had to wait, over the reservation of its request if that is there. */
export function lateAnswerStatement(db: D1Database, answer: LateAnswer): D1PreparedStatement {
  const { owner, request_hash, status, body, created_at_ms } = answer;
  return db
    .prepare(
      `INSERT INTO idempotency (key_id, idempotency_key, request_hash, status, body, created_at_ms)
       VALUES (?1, ?2, ?3, ?4, ?5, ?6)
       ON CONFLICT (key_id, idempotency_key) DO UPDATE SET
         request_hash = excluded.request_hash, status = excluded.status, body = excluded.body`,
    )
    .bind(owner.key_id, owner.idempotency_key, request_hash, status, body, created_at_ms);
}

/** Completes a reservation with the answer that repetitions will get. */
export async function keepAnswer(db: D1Database, owner: Owner, status: number, body: string): Promise<void> {
  await db
    .prepare("UPDATE idempotency SET status = ?3, body = ?4 WHERE key_id = ?1 AND idempotency_key = ?2 AND status = 0")
    .bind(owner.key_id, owner.idempotency_key, status, body)
    .run();
}

/** Gives a key back, so that the request can be sent again. */
export async function releaseKey(db: D1Database, owner: Owner): Promise<void> {
  await db
    .prepare("DELETE FROM idempotency WHERE key_id = ?1 AND idempotency_key = ?2 AND status = 0")
    .bind(owner.key_id, owner.idempotency_key)
    .run();
}

/** Removes the answers that are no longer repeated. */
export async function forgetAnswers(db: D1Database, now_ms: number): Promise<void> {
  await db
    .prepare("DELETE FROM idempotency WHERE created_at_ms < ?1")
    .bind(now_ms - IDEMPOTENCY_LIFETIME_MS)
    .run();
}
