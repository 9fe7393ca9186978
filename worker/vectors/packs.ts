/** Packs of embedded chunks: written to R2 first, then named in D1, where chunks point into them. */
import { EMBEDDING_TEXTS_PER_CALL_MAX } from "../limits.ts";
import { embed } from "./embed.ts";
import type { EmbeddingModel } from "./models.ts";
import { encodePack } from "./vector-pack.ts";

/** A pack that lies in R2. */
export interface PackReference {
  object_key: string;
  /** `vector_space` of the model. */
  embedding_model: string;
  dimensions: number;
  vector_count: number;
}

export interface Embeddable {
  title: string;
  heading: string;
  text: string;
  content_hash: string;
}

/** Title and heading path give a chunk the context that its text leaves out. */
function embeddingText(chunk: Embeddable): string {
  return [chunk.title, chunk.heading, chunk.text].filter((part) => part !== "").join("\n");
}

/** Embeds chunks in batches and writes one pack. Null for no chunks. Throws what AI or R2 throw. */
export async function embedToPack(
  stores: { ai: Pick<Ai, "run">; packs: R2Bucket },
  model: EmbeddingModel,
  chunks: readonly Embeddable[],
): Promise<{ pack: PackReference; vectors: Float32Array[] } | null> {
  if (chunks.length === 0) return null;
  const vectors: Float32Array[] = [];
  for (let from = 0; from < chunks.length; from += EMBEDDING_TEXTS_PER_CALL_MAX) {
    const batch = chunks.slice(from, from + EMBEDDING_TEXTS_PER_CALL_MAX);
    for (const vector of await embed(stores.ai, model, batch.map(embeddingText), "passage")) {
      vectors.push(Float32Array.from(vector));
    }
  }
  const dimensions = vectors[0]?.length ?? 0;
  const { key, bytes } = await encodePack({
    embedding_model: model.vector_space,
    dimensions,
    entries: chunks.map(({ content_hash }, slot) => ({ content_hash, vector: vectors[slot] as Float32Array })),
  });
  await stores.packs.put(key, bytes);
  return {
    pack: {
      object_key: key,
      embedding_model: model.vector_space,
      dimensions,
      vector_count: vectors.length,
    },
    vectors,
  };
}

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
