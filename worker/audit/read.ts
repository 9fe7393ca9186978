/** Entries that are in the database still. */
import type { ChainedEntry, Head } from "./chain.ts";

export interface AuditFilter {
  action: string | null;
  from_ms: number | null;
  /** Not included. */
  to_ms: number | null;
}

/** Where a page of the list ended: entries are listed from the newest by when they happened, then by their place. */
export interface AuditPosition {
  at_ms: number;
  seq: number;
}

/** The newest entries that fit, before a position if one is given. */
export async function listEntries(
  db: D1Database,
  { action, from_ms, to_ms }: AuditFilter,
  before: AuditPosition | null,
  limit: number,
): Promise<ChainedEntry[]> {
  const conditions = [
    ...(action === null ? [] : [["action = ?", action]]),
    ...(from_ms === null ? [] : [["at_ms >= ?", from_ms]]),
    ...(to_ms === null ? [] : [["at_ms < ?", to_ms]]),
    ...(before === null ? [] : [["(at_ms, seq) < (?, ?)", before.at_ms, before.seq]]),
  ];
  const where = conditions.length === 0 ? "" : `WHERE ${conditions.map(([sql]) => sql).join(" AND ")}`;
  const { results } = await db
    .prepare(`SELECT * FROM audit_log ${where} ORDER BY at_ms DESC, seq DESC LIMIT ?`)
    .bind(...conditions.flatMap(([, ...values]) => values), limit)
    .all<ChainedEntry>();
  return results;
}

/** Entries in the order of the chain, after a place. */
export async function readAfter(db: D1Database, seq: number, limit: number): Promise<ChainedEntry[]> {
  const { results } = await db
    .prepare("SELECT * FROM audit_log WHERE seq > ?1 ORDER BY seq LIMIT ?2")
    .bind(seq, limit)
    .all<ChainedEntry>();
  return results;
}

/** The end of what is archived; null before the first segment. */
export function newestAnchor(db: D1Database): Promise<Head | null> {
  return db
    .prepare("SELECT last_seq AS seq, last_hash AS hash FROM audit_anchors ORDER BY last_seq DESC LIMIT 1")
    .first();
}
