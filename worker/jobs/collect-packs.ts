/**
 * Deletes vector packs that nothing has pointed to for longer than Time Travel reaches back: until then a restored
 * database may still need them.
 *
 * The row goes first, and only while no chunk points to it. A writer that stores the same pack again in that moment
 * has uploaded the object anew, so an object younger than the window is left alone.
 */
import { PACK_RETENTION_MS, PACKS_COLLECTED_MAX } from "../limits.ts";
import type { Work } from "../work.ts";

const UNREFERENCED = "NOT EXISTS (SELECT 1 FROM chunks WHERE chunks.pack_id = packs.id)";

export async function collectPacks({ stores, now_ms }: Work): Promise<void> {
  const { db, packs } = stores;
  const before_ms = now_ms - PACK_RETENTION_MS;
  await db.batch([
    db.prepare(
      `UPDATE packs SET unreferenced_at_ms = NULL WHERE unreferenced_at_ms IS NOT NULL AND NOT ${UNREFERENCED}`,
    ),
    db
      .prepare(`UPDATE packs SET unreferenced_at_ms = ?1 WHERE unreferenced_at_ms IS NULL AND ${UNREFERENCED}`)
      .bind(now_ms),
  ]);
  const { results } = await db
    .prepare(
      `DELETE FROM packs WHERE id IN (SELECT id FROM packs WHERE unreferenced_at_ms < ?1 LIMIT ?2) AND ${UNREFERENCED}
     RETURNING object_key`,
    )
    .bind(before_ms, PACKS_COLLECTED_MAX)
    .all<{ object_key: string }>();
  for (const { object_key } of results) {
    const object = await packs.head(object_key);
    if (object && object.uploaded.getTime() < before_ms) await packs.delete(object_key);
  }
}
