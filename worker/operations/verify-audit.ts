/** Is the audit log as it was written? Checked a page a call, so that each stays within the free plan's CPU. */
import type { z } from "zod";
import { listSegments } from "../audit/archive.ts";
import { type Flaw, GENESIS, type Head, verifyChain } from "../audit/chain.ts";
import { readAfter } from "../audit/read.ts";
import type { Segment } from "../audit/segment.ts";
import { AUDIT_VERIFIED_PER_CALL } from "../limits.ts";
import type { auditIntegrity, auditVerification } from "../schemas/audit.ts";
import type { Work } from "../work.ts";

type Integrity = z.infer<typeof auditIntegrity>;

/**
 * Verifies the next entries that the database holds, against the chain and against the archive's segments that end among them; at
 * the end also that the archive knows of none beyond.
 */
export async function verifyIntegrity(work: Work, { cursor }: z.infer<typeof auditVerification>): Promise<Integrity> {
  const { db } = work.stores;
  const bucket = work.env.AUDIT_ARCHIVE;
  const start = cursor === undefined ? await beginning(db, bucket) : readCursor(cursor);
  if ("reason" in start) return { ok: false, checked: 0, first_bad: start, head: GENESIS, anchor: null, cursor: null };
  // Listed first: what is archived meanwhile is not missed among the entries.
  const segments = await listSegments(bucket, start.seq);
  const entries = await readAfter(db, start.seq, AUDIT_VERIFIED_PER_CALL);
  const { head, flaw } = await verifyChain(entries, start);
  const isEnd = entries.length < AUDIT_VERIFIED_PER_CALL;
  const hashes = new Map(entries.map(({ seq, hash }) => [seq, hash]));
  const passed = segments.filter(({ last_seq }) => last_seq <= head.seq);
  const wrong = passed.find(({ last_seq, last_hash }) => hashes.get(last_seq) !== last_hash);
  const beyond = isEnd ? segments.find(({ last_seq }) => last_seq > head.seq) : undefined;
  const first_bad = earliest(
    flaw,
    wrong === undefined ? null : { seq: wrong.last_seq, reason: "differs from its anchor" as const },
    beyond === undefined ? null : { seq: head.seq + 1, reason: "missing" as const },
  );
  return {
    ok: first_bad === null,
    checked: first_bad === null ? entries.length : Math.max(0, first_bad.seq - start.seq - 1),
    first_bad,
    head,
    anchor: anchorOf(passed.at(-1)),
    cursor: isEnd || first_bad !== null ? null : `${head.seq}.${head.hash}`,
  };
}

/** What the first entry in the database is chained to: nothing, or the archive's last entry before it. */
async function beginning(db: D1Database, bucket: R2Bucket): Promise<Head | Flaw> {
  const first = (await readAfter(db, 0, 1))[0];
  if (first === undefined || first.seq === 1) return GENESIS;
  const before = (await listSegments(bucket, first.seq - 2)).find(({ last_seq }) => last_seq === first.seq - 1);
  if (before === undefined) return { seq: first.seq - 1, reason: "missing" };
  return { seq: before.last_seq, hash: before.last_hash };
}

function earliest(...flaws: (NonNullable<Integrity["first_bad"]> | null)[]): Integrity["first_bad"] {
  return flaws.filter((flaw) => flaw !== null).sort((a, b) => a.seq - b.seq)[0] ?? null;
}

function anchorOf(segment: Segment | undefined): Integrity["anchor"] {
  return segment === undefined ? null : { seq: segment.last_seq, hash: segment.last_hash, object: segment.key };
}

/** The schema has checked its form. */
function readCursor(cursor: string): Head {
  const [seq = "", hash = ""] = cursor.split(".");
  return { seq: Number(seq), hash };
}
