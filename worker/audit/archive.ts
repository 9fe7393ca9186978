/**
 * The archive: segments of the chain in a bucket whose lock lets nobody change or delete them for seven years.
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

const { prefix } = LOCKED_PREFIXES.audit;
const KEY = /^archive\/(\d{12})-(\d{12})-([0-9a-f]{64})\.ndjson\.gz$/;
const padded = (seq: number) => String(seq).padStart(12, "0");

/** The last place comes first, so that a listing in the order of keys is one in the order of the chain's ends. */
function segmentOf(entries: readonly ChainedEntry[]): Segment {
  const [first, last] = [entries[0], entries.at(-1)];
  if (first === undefined || last === undefined) throw new Error("a segment holds at least one entry");
  const key = `${prefix}${padded(last.seq)}-${padded(first.seq)}-${last.hash}.ndjson.gz`;
  return { key, first_seq: first.seq, last_seq: last.seq, last_hash: last.hash };
}

/** Null for what is no segment. */
export function readSegmentKey(key: string): Segment | null {
  const [, last_seq, first_seq, last_hash] = KEY.exec(key) ?? [];
  if (last_hash === undefined) return null;
  return { key, first_seq: Number(first_seq), last_seq: Number(last_seq), last_hash };
}

/** Segments that end after a place, in the order of their ends; a thousand at most. */
export async function listSegments(bucket: R2Bucket, after_seq: number): Promise<Segment[]> {
  const { objects } = await bucket.list({ prefix, startAfter: `${prefix}${padded(after_seq + 1)}` });
  return objects.flatMap(({ key }) => readSegmentKey(key) ?? []);
}

/** Writes a segment, once: a run that was interrupted after it has left the same one. */
export async function writeSegment(bucket: R2Bucket, entries: readonly ChainedEntry[]): Promise<Segment> {
  const segment = segmentOf(entries);
  const text = entries.map((entry) => `${JSON.stringify(entry)}\n`).join("");
  const compressed = new Response(text).body?.pipeThrough(new CompressionStream("gzip"));
  const bytes = await new Response(compressed).arrayBuffer();
  await bucket.put(segment.key, bytes, {
    onlyIf: { etagDoesNotMatch: "*" },
    httpMetadata: { contentType: "application/x-ndjson", contentEncoding: "gzip" },
  });
  return segment;
}

/** @throws Error when the object is gone. */
export async function readSegment(bucket: R2Bucket, { key }: Segment): Promise<ChainedEntry[]> {
  const object = await bucket.get(key);
  if (object === null) throw new Error(`the audit archive lacks ${key}`);
  const text = await new Response(object.body.pipeThrough(new DecompressionStream("gzip"))).text();
  return text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
}
