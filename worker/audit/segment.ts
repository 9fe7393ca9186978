/**
 * What a segment of the audit archive is called and made of. Pure: the Worker writes segments, `ops audit verify` reads them.
 *
 * A segment's key carries the places it covers and the hash of its last entry, so each segment is an anchor as well: a chain in
 * the database that does not lead to it was changed or cut off. What a segment holds: NDJSON, gzip, one `ChainedEntry` a line.
 */
import { LOCKED_PREFIXES } from "../../infra/locked-prefixes.ts";
import type { ChainedEntry } from "./chain.ts";

/** What a key says. */
export interface Segment {
  key: string;
  first_seq: number;
  last_seq: number;
  last_hash: string;
}

export const { prefix: ARCHIVE_PREFIX } = LOCKED_PREFIXES.audit;
const KEY = /^archive\/(\d{12})-(\d{12})-([0-9a-f]{64})\.ndjson\.gz$/;
const padded = (seq: number) => String(seq).padStart(12, "0");

/** The last place comes first, so that a listing in the order of keys is one in the order of the chain's ends. */
export function segmentOf(entries: readonly ChainedEntry[]): Segment {
  const [first, last] = [entries[0], entries.at(-1)];
  if (first === undefined || last === undefined) throw new Error("a segment holds at least one entry");
  const key = `${ARCHIVE_PREFIX}${padded(last.seq)}-${padded(first.seq)}-${last.hash}.ndjson.gz`;
  return { key, first_seq: first.seq, last_seq: last.seq, last_hash: last.hash };
}

/** Null for what is no segment. */
export function readSegmentKey(key: string): Segment | null {
  const [, last_seq, first_seq, last_hash] = KEY.exec(key) ?? [];
  if (last_hash === undefined) return null;
  return { key, first_seq: Number(first_seq), last_seq: Number(last_seq), last_hash };
}

/** The first key of a segment that ends at a place or later comes after this. */
export function keyBefore(seq: number): string {
  return `${ARCHIVE_PREFIX}${padded(seq)}`;
}

/** A segment's text, before it is compressed. */
export function segmentText(entries: readonly ChainedEntry[]): string {
  return entries.map((entry) => `${JSON.stringify(entry)}\n`).join("");
}

/** @throws SyntaxError for what is no segment's text. */
export function readSegmentText(text: string): ChainedEntry[] {
  return text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
}
