/** Chunks to vectors in a pack in R2, for whoever has a model and a bucket: the Worker by its bindings, ops by REST and S3. */
import { portions } from "../ground/portions.ts";
import { EMBEDDING_TEXTS_PER_CALL_MAX } from "../limits.ts";
import { type Embedder, embed } from "./embed.ts";
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
  stores: { ai: Embedder; packs: { put(key: string, bytes: Uint8Array): Promise<unknown> } },
  model: EmbeddingModel,
  chunks: readonly Embeddable[],
): Promise<{ pack: PackReference; vectors: Float32Array[] } | null> {
  if (chunks.length === 0) return null;
  const vectors: Float32Array[] = [];
  for (const batch of portions(chunks, EMBEDDING_TEXTS_PER_CALL_MAX)) {
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
