/** Cron's watch over the audit log: a little of it each time, so that a change of what is archived is noticed within hours. */
import { readHead } from "../audit/append.ts";
import { listSegments } from "../audit/archive.ts";
import { verifyChain } from "../audit/chain.ts";
import { readAfter } from "../audit/read.ts";
import { AUDIT_WATCH_EVERY_MS } from "../limits.ts";
import type { Work } from "../work.ts";

interface Anchored {
  first_seq: number;
  last_seq: number;
  last_hash: string;
}

/**
 * Looks whether the archive knows of entries beyond the log's end, and verifies one archived segment that the database still holds,
 * another one each time. @throws Error naming the first bad entry: the failed task is what an alert sees.
 */
export async function verifyAudit({ stores: { db }, env, now_ms }: Work): Promise<void> {
  const head = await readHead(db);
  const [beyond] = await listSegments(env.AUDIT_ARCHIVE, head.seq);
  if (beyond !== undefined) throw broken(head.seq + 1, `missing: the archive has it in ${beyond.key}`);

  const held = "FROM audit_anchors WHERE last_seq >= (SELECT MIN(seq) FROM audit_log)";
  const { results } = await db
    .prepare(
      `SELECT first_seq, last_seq, last_hash ${held}
       ORDER BY last_seq LIMIT 1 OFFSET ?1 % MAX(1, (SELECT COUNT(*) ${held}))`,
    )
    .bind(Math.floor(now_ms / AUDIT_WATCH_EVERY_MS))
    .all<Anchored>();
  const segment = results[0];
  if (segment === undefined) return;
  const { first_seq, last_seq, last_hash } = segment;
  const entries = await readAfter(db, first_seq - 1, last_seq - first_seq + 1);
  const before = { seq: first_seq - 1, hash: entries[0]?.prev_hash ?? "" };
  const { head: end, flaw } = await verifyChain(entries, before);
  if (flaw !== null) throw broken(flaw.seq, flaw.reason);
  if (end.seq !== last_seq) throw broken(end.seq + 1, "missing");
  if (end.hash !== last_hash) throw broken(last_seq, "differs from its anchor");
}

function broken(seq: number, reason: string): Error {
  return new Error(`the audit log is broken at entry ${seq}: ${reason}`);
}
