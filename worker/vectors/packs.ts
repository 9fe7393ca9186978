/** Packs of embedded chunks, which lie in R2 already, named in D1, where chunks point into them. */
import type { PackReference } from "./embed-to-pack.ts";

/** The statement that names a pack in D1, once. */
export function insertPack(db: D1Database, pack: PackReference, now_ms: number): D1PreparedStatement {
  return db
    .prepare(
      `INSERT INTO packs (object_key, embedding_model, dimensions, vector_count, created_at_ms)
       VALUES (?, ?, ?, ?, ?) ON CONFLICT (object_key) DO NOTHING`,
    )
    .bind(pack.object_key, pack.embedding_model, pack.dimensions, pack.vector_count, now_ms);
}

/** Names a pack whose vectors belong to chunks that are written already, in the order of its slots. */
export async function recordPack(
  db: D1Database,
  pack: PackReference,
  chunk_ids: readonly number[],
  now_ms: number,
): Promise<void> {
  await db.batch([
    insertPack(db, pack, now_ms),
    db
      .prepare(
        `UPDATE chunks SET pack_id = (SELECT id FROM packs WHERE object_key = ?2), pack_slot = slots.key
         FROM json_each(?1) AS slots WHERE chunks.id = slots.value`,
      )
      .bind(JSON.stringify(chunk_ids), pack.object_key),
  ]);
}
