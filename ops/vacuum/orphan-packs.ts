/**
 * Vector packs that no chunk points to: their rows and objects, once Time Travel cannot bring back a row that does. The Worker's daily
 * collection does the same for packs that have a row; objects without one (a write that broke off) are found here alone.
 */
import { z } from "zod";
import { PACK_RETENTION_MS } from "../../worker/limits.ts";
import type { D1Connection } from "../d1/connection.ts";
import { queryNumber, queryTexts } from "../d1/query.ts";
import { D1_KEYS_PER_READ } from "../limits.ts";
import { absent, objectsUnder, type Storage } from "../storage/storage.ts";

export const packsRemoved = z.strictObject({ rows: z.int(), objects: z.int(), bytes: z.int() });
type PacksRemoved = z.infer<typeof packsRemoved>;

const UNREFERENCED = "NOT EXISTS (SELECT 1 FROM chunks WHERE chunks.pack_id = packs.id)";

/** @throws OpsError in the words of D1 or the storage. Repeat it to go on. */
export async function removeOrphanPacks(
  connection: D1Connection,
  bucket: Storage,
  { now_ms, dry_run, signal }: { now_ms: number; dry_run: boolean; signal: AbortSignal },
): Promise<PacksRemoved> {
  const before_ms = now_ms - PACK_RETENTION_MS;
  const due = `unreferenced_at_ms < ?1 AND ${UNREFERENCED}`;
  const removed: PacksRemoved = { rows: 0, objects: 0, bytes: 0 };
  removed.rows = await queryNumber(connection, `SELECT count(*) FROM packs WHERE ${due}`, [before_ms]);
  if (!dry_run) {
    await connection.batch([
      {
        sql: `UPDATE packs SET unreferenced_at_ms = NULL WHERE unreferenced_at_ms IS NOT NULL AND NOT ${UNREFERENCED}`,
      },
      {
        sql: `UPDATE packs SET unreferenced_at_ms = ?1 WHERE unreferenced_at_ms IS NULL AND ${UNREFERENCED}`,
        params: [now_ms],
      },
      { sql: `DELETE FROM packs WHERE ${due}`, params: [before_ms] },
    ]);
  }
  // Objects younger than the window stay: a row may follow, or may have gone a moment ago.
  let old: { key: string; bytes: number }[] = [];
  const settle = async () => {
    const keys = new Set(
      await named(
        connection,
        old.map(({ key }) => key),
        dry_run ? due : null,
        before_ms,
      ),
    );
    for (const { key, bytes } of old) {
      if (keys.has(key)) continue;
      signal.throwIfAborted();
      if (!dry_run) {
        // A writer of the same texts may have stored the pack again, and named it, since it was listed.
        const there = await bucket.look(key, signal).catch(absent);
        if (there === undefined || there.modified_ms >= before_ms) continue;
        await bucket.remove(key, signal);
      }
      removed.objects += 1;
      removed.bytes += bytes;
    }
    old = [];
  };
  for await (const { key, bytes, modified_ms } of objectsUnder(bucket, "packs/", signal)) {
    if (modified_ms >= before_ms) continue;
    old.push({ key, bytes });
    if (old.length === D1_KEYS_PER_READ) await settle();
  }
  await settle();
  return removed;
}

/** Those of `keys` that a row names; without rows that a run would remove. */
async function named(
  connection: D1Connection,
  keys: readonly string[],
  without: string | null,
  before_ms: number,
): Promise<string[]> {
  if (keys.length === 0) return [];
  const sql = `SELECT object_key FROM packs WHERE object_key IN (SELECT value FROM json_each(?2)) AND ${without === null ? "?1 = ?1" : `NOT (${without})`}`;
  return await queryTexts(connection, sql, [before_ms, JSON.stringify(keys)]);
}
