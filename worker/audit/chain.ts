/**
 * The hash chain of the audit log: each entry names the hash of the one before it, so that none can be changed, taken out, put in
 * or moved without breaking the chain from there on. Only a cut tail leaves a whole chain: anchors outside tell that (`archive.ts`).
 *
 * The hash of an entry is the SHA-256 of the UTF-8 of a JSON array of its fields in the order of `canonicalText`, the hash of the
 * entry before it being among them. Pure: the Worker and `ops audit verify` share it.
 */
import type { AuditEntry } from "../ground/audit-entry.ts";
import { sha256 } from "../ground/digest.ts";

/** An entry in its place, as D1 and the archive hold it. */
export interface ChainedEntry extends Omit<AuditEntry, "id" | "detail"> {
  /** 1 for the first, without a gap. */
  seq: number;
  prev_hash: string;
  hash: string;
  entry_id: string;
  /** When it got its place: an entry that waited while the service was down happened before. */
  chained_at_ms: number;
  /** Canonical JSON. */
  detail: string;
}

/** An end of the chain: what the next entry is chained to. */
export interface Head {
  seq: number;
  hash: string;
}

/** Before the first entry. */
export const GENESIS: Head = { seq: 0, hash: "0".repeat(64) };

/** JSON with the keys of every object sorted by code unit and nothing between tokens: RFC 8785 for what is JSON already. */
export function canonicalJson(value: unknown): string {
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([name, inner]) => `${JSON.stringify(name)}:${canonicalJson(inner)}`).join(",")}}`;
}

/** What is hashed of an entry. */
function canonicalText(entry: Omit<ChainedEntry, "hash">): string {
  const { seq, prev_hash, entry_id, at_ms, chained_at_ms, source, actor, key_id, action, outcome, subject } = entry;
  const fields = [seq, prev_hash, entry_id, at_ms, chained_at_ms, source, actor, key_id, action, outcome, subject];
  return `[${fields.map((field) => JSON.stringify(field)).join(",")},${entry.detail}]`;
}

/** The entry in the place after `head`. */
export async function chained(entry: AuditEntry, head: Head, chained_at_ms: number): Promise<ChainedEntry> {
  const { id, detail, ...rest } = entry;
  const { seq, hash: prev_hash } = head;
  const placed = { ...rest, seq: seq + 1, prev_hash, entry_id: id, chained_at_ms, detail: canonicalJson(detail) };
  return { ...placed, hash: await sha256(canonicalText(placed)) };
}

/** The first entry that is not as it was written, or not where it was written. */
export interface Flaw {
  seq: number;
  reason: "missing" | "out of order" | "chained to another entry" | "altered";
}

/** Whether `entries` continue the chain from `head`; the new head, or the first flaw. */
export async function verifyChain(
  entries: readonly ChainedEntry[],
  head: Head,
): Promise<{ head: Head; flaw: Flaw | null }> {
  let last = head;
  for (const entry of entries) {
    const reason = await flawOf(entry, last);
    if (reason !== null) return { head: last, flaw: { seq: reason === "missing" ? last.seq + 1 : entry.seq, reason } };
    last = { seq: entry.seq, hash: entry.hash };
  }
  return { head: last, flaw: null };
}

async function flawOf(entry: ChainedEntry, last: Head): Promise<Flaw["reason"] | null> {
  if (entry.seq <= last.seq) return "out of order";
  if (entry.seq > last.seq + 1) return "missing";
  // An altered entry is told before the next one, which is chained to what it was.
  if ((await sha256(canonicalText(entry))) !== entry.hash) return "altered";
  return entry.prev_hash === last.hash ? null : "chained to another entry";
}
