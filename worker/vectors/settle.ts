/**
 * Vectors: packs in R2 first, then D1's rows that point into them, then Vectorize.
 *
 * The outbox row written with the chunks is what makes the last step certain: it stays until Vectorize has accepted
 * the change, and whoever finds it later (queue or cron) can finish from D1 and R2 alone.
 */
import type { Metadata } from "../ground/document.ts";
import { portions } from "../ground/portions.ts";
import { VECTORIZE_DELETE_IDS_MAX, VECTORIZE_UPSERT_VECTORS_MAX, WRITE_CONFLICT_RETRIES_MAX } from "../limits.ts";
import type { Embedder } from "./embed.ts";
import { type Embeddable, embedToPack } from "./embed-to-pack.ts";
import { indexEntry } from "./index-entry.ts";
import type { EmbeddingModel } from "./models.ts";
import { recordPack } from "./packs.ts";
import { readSlot } from "./vector-pack.ts";

export interface VectorStores {
  db: D1Database;
  ai: Embedder;
  vectorize: Pick<Vectorize, "upsert" | "deleteByIds">;
  packs: R2Bucket;
}

interface VectorUpsert {
  id: number;
  values: Float32Array;
  metadata: Metadata;
}

/**
 * Sends a change to Vectorize and, once it was accepted, forgets the outbox row.
 *
 * Others may have changed the chunk between its commit and its upsert, and have reached Vectorize first. So whoever upserts
 * looks once more afterwards: what is gone is taken back, and what carries other metadata by now is sent again with those. A
 * change that commits after that look comes later.
 *
 * @throws when others keep changing the metadata: the row stays, and is settled later.
 */
export async function settle(
  stores: Pick<VectorStores, "db" | "vectorize">,
  outbox_id: string,
  tenant: string,
  upserts: readonly VectorUpsert[],
  delete_ids: readonly number[],
): Promise<void> {
  const removed_ids = [...delete_ids];
  let due = upserts;
  for (let look = 0; due.length > 0; look += 1) {
    if (look > WRITE_CONFLICT_RETRIES_MAX) throw new Error("others keep changing the metadata of these chunks");
    for (const part of portions(due, VECTORIZE_UPSERT_VECTORS_MAX))
      await stores.vectorize.upsert(part.map((upsert) => indexEntry({ ...upsert, tenant })));
    const now = await metadataOf(
      stores.db,
      due.map(({ id }) => id),
    );
    removed_ids.push(...due.flatMap(({ id }) => (now.has(id) ? [] : [id])));
    due = due.flatMap((sent) => {
      const metadata = now.get(sent.id);
      return metadata === undefined || metadata === JSON.stringify(sent.metadata)
        ? []
        : [{ ...sent, metadata: JSON.parse(metadata) as Metadata }];
    });
  }
  for (const ids of portions(removed_ids.map(String), VECTORIZE_DELETE_IDS_MAX))
    await stores.vectorize.deleteByIds(ids);
  await stores.db.prepare("DELETE FROM vector_outbox WHERE id = ?1").bind(outbox_id).run();
}

/** The metadata of the chunks that exist, as JSON. */
async function metadataOf(db: D1Database, ids: readonly number[]): Promise<Map<number, string>> {
  const { results } = await db
    .prepare(
      "SELECT c.id, d.metadata FROM json_each(?1) wanted JOIN chunks c ON c.id = wanted.value JOIN documents d ON d.id = c.document_id",
    )
    .bind(JSON.stringify(ids))
    .all<{ id: number; metadata: string }>();
  return new Map(results.map(({ id, metadata }) => [id, metadata]));
}

interface OwedChunk extends Embeddable {
  id: number;
  metadata: string;
  object_key: string | null;
  pack_slot: number | null;
}

/**
 * Finishes an outbox row from what D1 and R2 hold: embeds what was never embedded, reads the rest from packs.
 * Chunks deleted meanwhile are removed: an earlier try may have sent them. A row that is already gone is fine: someone else finished it.
 */
export async function settleFromStores(stores: VectorStores, model: EmbeddingModel, outbox_id: string, now_ms: number) {
  const row = await stores.db
    .prepare("SELECT tenant, upsert_chunk_ids, delete_chunk_ids FROM vector_outbox WHERE id = ?1")
    .bind(outbox_id)
    .first<{ tenant: string; upsert_chunk_ids: string; delete_chunk_ids: string }>();
  if (!row) return;
  const { results: owed } = await stores.db
    .prepare(
      `SELECT c.id, c.title, c.heading, c.text, c.content_hash, d.metadata, p.object_key, c.pack_slot
       FROM json_each(?1) wanted JOIN chunks c ON c.id = wanted.value JOIN documents d ON d.id = c.document_id
       LEFT JOIN packs p ON p.id = c.pack_id`,
    )
    .bind(row.upsert_chunk_ids)
    .all<OwedChunk>();

  const values = new Map<number, Float32Array>();
  const unembedded = owed.filter(({ object_key }) => object_key === null);
  const embedded = await embedToPack(stores, model, unembedded);
  if (embedded) {
    await recordPack(
      stores.db,
      embedded.pack,
      unembedded.map(({ id }) => id),
      now_ms,
    );
    unembedded.forEach(({ id }, slot) => {
      values.set(id, embedded.vectors[slot] as Float32Array);
    });
  }
  for (const [key, chunks] of Map.groupBy(owed, ({ object_key }) => object_key)) {
    if (key === null) continue;
    const object = await stores.packs.get(key);
    if (!object) throw new Error(`vector pack ${key} is missing from R2: restore it from a backup`);
    const bytes = new Uint8Array(await object.arrayBuffer());
    for (const { id, pack_slot } of chunks) values.set(id, readSlot(bytes, pack_slot ?? -1));
  }
  const upserts = owed.map(({ id, metadata }) => ({
    id,
    values: values.get(id) as Float32Array,
    metadata: JSON.parse(metadata) as Metadata,
  }));
  const living = new Set(owed.map(({ id }) => id));
  const gone_ids = (JSON.parse(row.upsert_chunk_ids) as number[]).filter((id) => !living.has(id));
  const delete_ids = JSON.parse(row.delete_chunk_ids) as number[];
  await settle(stores, outbox_id, row.tenant, upserts, [...delete_ids, ...gone_ids]);
}

/** The oldest outbox row from before a time: its own message was lost, or Vectorize has been down for long. */
export async function oldestOverdueOutbox(db: D1Database, before_ms: number): Promise<string | null> {
  return db
    .prepare("SELECT id FROM vector_outbox WHERE created_at_ms < ?1 ORDER BY created_at_ms LIMIT 1")
    .bind(before_ms)
    .first<string>("id");
}
