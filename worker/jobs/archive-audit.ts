/** Cron's part in the audit log: the chain goes out into the archive, what is old leaves the database. */
import { writeSegment } from "../audit/archive.ts";
import { GENESIS, verifyChain } from "../audit/chain.ts";
import { newestAnchor, readAfter } from "../audit/read.ts";
import { AUDIT_ANCHOR_AFTER_MS, AUDIT_KEPT_MS, AUDIT_SEGMENT_ENTRIES_MAX } from "../limits.ts";
import type { Work } from "../work.ts";

/**
 * Archives the next segment when it is full or its oldest entry has waited long enough, and lets the oldest one go.
 * @throws Error, after the archiving, when the chain is broken: what is there is evidence.
 */
export async function archiveAudit(work: Work): Promise<void> {
  const { db } = work.stores;
  const { AUDIT_ARCHIVE } = work.env;
  const anchor = (await newestAnchor(db)) ?? GENESIS;
  const entries = await readAfter(db, anchor.seq, AUDIT_SEGMENT_ENTRIES_MAX);
  const oldest = entries[0];
  const isFull = entries.length === AUDIT_SEGMENT_ENTRIES_MAX;
  if (oldest !== undefined && (isFull || oldest.chained_at_ms <= work.now_ms - AUDIT_ANCHOR_AFTER_MS)) {
    const { last_seq, first_seq, last_hash, key } = await writeSegment(AUDIT_ARCHIVE, entries);
    await db
      .prepare("INSERT INTO audit_anchors VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING")
      .bind(last_seq, first_seq, last_hash, key, work.now_ms)
      .run();
    const { flaw } = await verifyChain(entries, anchor);
    if (flaw !== null) throw new Error(`the audit log is broken at entry ${flaw.seq}: ${flaw.reason}`);
  }
  await releaseOldest(work);
}

/** Deletes the entries of the oldest segment once they are old enough, but never the newest entry of all. */
async function releaseOldest({ stores: { db }, env, now_ms }: Work): Promise<void> {
  const segment = await db
    .prepare(
      `SELECT last_seq, object_key FROM audit_anchors
       WHERE made_at_ms < ?1 AND last_seq >= (SELECT MIN(seq) FROM audit_log) AND last_seq < (SELECT MAX(seq) FROM audit_log)
       ORDER BY last_seq LIMIT 1`,
    )
    .bind(now_ms - AUDIT_KEPT_MS)
    .first<{ last_seq: number; object_key: string }>();
  if (segment === null) return;
  if ((await env.AUDIT_ARCHIVE.head(segment.object_key)) === null)
    throw new Error(`the audit archive lacks ${segment.object_key}: its entries stay in the database`);
  await db.prepare("DELETE FROM audit_log WHERE seq <= ?1").bind(segment.last_seq).run();
}
