/** Objects of a snapshot back into their bucket: those that are missing or are other ones than they were. */
import { z } from "zod";
import { DEFERRED_PREFIX } from "../../worker/store/fence-names.ts";
import type { BucketSummary } from "../backup/manifest.ts";
import type { Snapshot } from "../backup/repository/repository.ts";
import { readObjects } from "../backup/snapshot/bucket-copy.ts";
import { absent, objectsUnder, type Storage } from "../storage/storage.ts";

export const objectsRestored = z.strictObject({
  written: z.int(),
  bytes: z.int(),
  /** Were there, the same. */
  kept: z.int(),
});
export type ObjectsRestored = z.infer<typeof objectsRestored>;

/**
 * Never removes an object. Packs never change under their name, so one with another content is damaged and is replaced;
 * what changes in place (the records of switches, writes that wait for a fence) belongs to its moment and is left out.
 */
export async function restoreObjects(
  snapshot: Pick<Snapshot, "readPart">,
  bucket: BucketSummary,
  storage: Storage,
  signal: AbortSignal,
): Promise<ObjectsRestored> {
  const result: ObjectsRestored = { written: 0, bytes: 0, kept: 0 };
  const there = new Map<string, string>();
  for await (const { key, etag } of objectsUnder(storage, "", signal)) there.set(key, etag);
  const wanted = bucket.objects.filter(([key]) => isRestored(key));
  const missing = new Set(wanted.filter(([key, etag]) => there.get(key) !== etag).map(([key]) => key));
  result.kept = wanted.length - missing.size;
  if (missing.size === 0) return result;
  const needed = { ...bucket, objects: bucket.objects.filter(([key]) => missing.has(key)) };
  for await (const { key, body } of readObjects(snapshot, needed)) {
    signal.throwIfAborted();
    const found = there.get(key) ?? null;
    if (found !== null && (await holds(storage, key, body, signal))) {
      result.kept += 1;
      continue;
    }
    await storage.replace(key, body, found, signal);
    result.written += 1;
    result.bytes += body.length;
  }
  return result;
}

function isRestored(key: string): boolean {
  return !key.startsWith("generations/") && !key.startsWith(DEFERRED_PREFIX);
}

/** Another store may name the same content by another etag. */
async function holds(storage: Storage, key: string, body: Uint8Array, signal: AbortSignal): Promise<boolean> {
  const found = await storage.read(key, signal).catch(absent);
  return found !== undefined && Buffer.compare(found.body, body) === 0;
}
