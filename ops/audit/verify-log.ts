/**
 * Is the audit log as it was written? The rule over all evidence at once: the archive's segments, the database's entries, the heads that
 * backups have seen. Pure but for what it is handed to read.
 *
 * Segments may form branches, for a restore takes the database's log back to an earlier entry and the log goes on from there. What was
 * written on a branch that was left is told as missing from the log; a later entry of a restore explains it.
 */
import { z } from "zod";
import { type ChainedEntry, GENESIS, type Head, verifyChain } from "../../worker/audit/chain.ts";
import { type Segment, segmentOf } from "../../worker/audit/segment.ts";

/** A place and a hash that something outside of the database has seen, and when that was. */
export interface Anchor extends Head {
  from: string;
  at_ms: number;
}

export const logFinding = z.strictObject({
  where: z.enum(["archive", "database", "backup"]).describe("what shows it"),
  evidence: z.string().describe("the object or snapshot"),
  seq: z.int().describe("the first entry that is not as it was written"),
  reason: z.enum(["missing", "out of order", "chained to another entry", "altered", "differs from its anchor"]),
  explained_by: z.int().nullable().describe("the entry of a restore that went back behind it"),
});
type Finding = z.infer<typeof logFinding>;

interface Verified {
  entries: { archive: number; database: number };
  head: Head;
  findings: Finding[];
}

/** Commands that take the database, and the log with it, back in time. */
const RESTORES: ReadonlySet<string> = new Set(["restore apply", "restore undo"]);

export async function verifyLog(
  archive: AsyncIterable<{ segment: Segment; entries: ChainedEntry[] }>,
  database: AsyncIterable<readonly ChainedEntry[]>,
  heads: readonly Anchor[],
): Promise<Verified> {
  const findings: Finding[] = [];
  const find = (where: Finding["where"], evidence: string, { seq, reason }: Pick<Finding, "seq" | "reason">) =>
    findings.push({ where, evidence, seq, reason, explained_by: null });
  const restores: { seq: number; at_ms: number }[] = [];
  const watch = (entries: readonly ChainedEntry[]) => {
    for (const { seq, action, at_ms } of entries) if (RESTORES.has(action)) restores.push({ seq, at_ms });
  };

  /** Segments by the hash at their end, and what is known of places that a backup has seen. */
  const segments = new Map<string, { anchor: Anchor; parent: string; hashes: Map<number, string> }>();
  const wanted = new Set(heads.map(({ seq }) => seq));
  const counted = { archive: 0, database: 0 };
  let furthest = 0;
  for await (const { segment, entries } of archive) {
    const first = entries[0];
    if (first === undefined || segmentOf(entries).key !== segment.key) {
      find("archive", segment.key, { seq: segment.first_seq, reason: "altered" });
      continue;
    }
    watch(entries);
    counted.archive += entries.length;
    const before: Head = { seq: first.seq - 1, hash: first.prev_hash };
    if (!isEnd(segments, before))
      find("archive", segment.key, {
        seq: before.seq > furthest ? furthest + 1 : first.seq,
        reason: before.seq > furthest ? "missing" : "chained to another entry",
      });
    const { flaw } = await verifyChain(entries, before);
    if (flaw !== null) find("archive", segment.key, flaw);
    segments.set(segment.last_hash, {
      anchor: {
        seq: segment.last_seq,
        hash: segment.last_hash,
        from: segment.key,
        at_ms: entries.at(-1)?.chained_at_ms ?? 0,
      },
      parent: first.prev_hash,
      hashes: new Map(entries.filter(({ seq }) => wanted.has(seq)).map(({ seq, hash }) => [seq, hash])),
    });
    furthest = Math.max(furthest, segment.last_seq);
  }

  /** Of the log as it is now: what the database holds, and the segments that it is chained to. */
  const hashes = new Map<number, string>();
  let head: Head | null = null;
  for await (const page of database) {
    const first = page[0];
    if (first === undefined) continue;
    if (head === null) {
      head = { seq: first.seq - 1, hash: first.prev_hash };
      if (!isEnd(segments, head)) find("database", "audit_log", { seq: head.seq || 1, reason: "missing" });
      followBack(segments, head, hashes);
    }
    watch(page);
    counted.database += page.length;
    for (const { seq, hash } of page) hashes.set(seq, hash);
    const verified = await verifyChain(page, head);
    const last = page.at(-1) ?? first;
    head = { seq: last.seq, hash: last.hash };
    if (verified.flaw !== null) find("database", "audit_log", verified.flaw);
  }
  const end = head ?? GENESIS;

  const check = (where: Finding["where"], { seq, hash, from, at_ms }: Anchor) => {
    if (hashes.get(seq) === hash) return;
    const reason = seq > end.seq ? "missing" : "differs from its anchor";
    const explained_by = restores.find((restore) => restore.at_ms >= at_ms)?.seq ?? null;
    findings.push({ where, evidence: from, seq: reason === "missing" ? end.seq + 1 : seq, reason, explained_by });
  };
  for (const { anchor } of segments.values()) check("archive", anchor);
  for (const seen of heads) check("backup", seen);
  return { entries: counted, head: end, findings: findings.sort((a, b) => a.seq - b.seq) };
}

function isEnd(segments: ReadonlyMap<string, { anchor: Anchor }>, { seq, hash }: Head): boolean {
  return hash === GENESIS.hash ? seq === 0 : segments.get(hash)?.anchor.seq === seq;
}

/** Over a gap, which is told where it is found, to what lies before it. */
function followBack(
  segments: ReadonlyMap<string, { anchor: Anchor; parent: string; hashes: Map<number, string> }>,
  from: Head,
  into: Map<number, string>,
): void {
  const before = (seq: number) => [...segments.values()].findLast(({ anchor }) => anchor.seq < seq);
  let segment = segments.get(from.hash) ?? before(from.seq);
  while (segment !== undefined) {
    into.set(segment.anchor.seq, segment.anchor.hash);
    for (const [seq, hash] of segment.hashes) into.set(seq, hash);
    if (segment.parent === GENESIS.hash) return;
    segment = segments.get(segment.parent) ?? before(segment.anchor.seq);
  }
}
