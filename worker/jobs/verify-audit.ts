/** Cron's watch over the audit log: a little of it each time, so that a change of what is archived is noticed within hours. */
import { alertState } from "../alerts/state.ts";
import { readHead } from "../audit/append.ts";
import { listSegments } from "../audit/archive.ts";
import { verifyChain } from "../audit/chain.ts";
import { readAfter } from "../audit/read.ts";
import { AUDIT_WATCH_EVERY_MS, AUDIT_WATCHED_TAIL } from "../limits.ts";
import type { Work } from "../work.ts";

interface Anchored {
  first_seq: number;
  last_seq: number;
  last_hash: string;
}

/** As below, and tells the alert rules what came of it. */
export async function watchAudit(work: Work): Promise<void> {
  const told = (value: number) =>
    alertState(work.env).report("cron", [{ metric: "audit_chain_broken", window_min: null, labels: {}, value }]);
  try {
    await verifyAudit(work);
  } catch (error) {
    // A database that does not answer says nothing about the chain.
    if (error instanceof BrokenChain) await told(1);
    throw error;
  }
  await told(0);
}

/**
 * Verifies the newest entries, looks whether the archive knows of entries beyond the log's end, and verifies one archived segment that the database still holds,
 * another one each time. @throws BrokenChain naming the first bad entry.
 */
async function verifyAudit({ stores: { db }, env, now_ms }: Work): Promise<void> {
  const head = await readHead(db);
  const [beyond] = await listSegments(env.AUDIT_ARCHIVE, head.seq);
  if (beyond !== undefined) throw broken(head.seq + 1, `missing: the archive has it in ${beyond.key}`);

  const tail = await readAfter(db, Math.max(0, head.seq - AUDIT_WATCHED_TAIL), AUDIT_WATCHED_TAIL);
  const [oldest] = tail;
  if (oldest !== undefined) {
    const found = await verifyChain(tail, { seq: oldest.seq - 1, hash: oldest.prev_hash });
    if (found.flaw !== null) throw broken(found.flaw.seq, found.flaw.reason);
  }

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

class BrokenChain extends Error {}

function broken(seq: number, reason: string): BrokenChain {
  return new BrokenChain(`the audit log is broken at entry ${seq}: ${reason}`);
}
