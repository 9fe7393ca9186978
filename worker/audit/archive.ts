/** The archive as the Worker writes and reads it: a bucket whose lock lets nobody change or delete a segment for seven years. */
import type { ChainedEntry } from "./chain.ts";
import {
  ARCHIVE_PREFIX,
  keyBefore,
  readSegmentKey,
  readSegmentText,
  type Segment,
  segmentOf,
  segmentText,
} from "./segment.ts";

/** Segments that end after a place, in the order of their ends; a thousand at most. */
export async function listSegments(bucket: R2Bucket, after_seq: number): Promise<Segment[]> {
  const { objects } = await bucket.list({ prefix: ARCHIVE_PREFIX, startAfter: keyBefore(after_seq + 1) });
  return objects.flatMap(({ key }) => readSegmentKey(key) ?? []);
}

/** Writes a segment, once: a run that was interrupted after it has left the same one. */
export async function writeSegment(bucket: R2Bucket, entries: readonly ChainedEntry[]): Promise<Segment> {
  const segment = segmentOf(entries);
  const compressed = new Response(segmentText(entries)).body?.pipeThrough(new CompressionStream("gzip"));
  const bytes = await new Response(compressed).arrayBuffer();
  await bucket.put(segment.key, bytes, {
    onlyIf: { etagDoesNotMatch: "*" },
    httpMetadata: { contentType: "application/gzip" },
  });
  return segment;
}

/** @throws Error when the object is gone. */
export async function readSegment(bucket: R2Bucket, { key }: Segment): Promise<ChainedEntry[]> {
  const object = await bucket.get(key);
  if (object === null) throw new Error(`the audit archive lacks ${key}`);
  return readSegmentText(await new Response(object.body.pipeThrough(new DecompressionStream("gzip"))).text());
}
