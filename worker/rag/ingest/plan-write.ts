/**
 * What a document write has to change: pure comparison of the new chunks with the stored ones, by content hash.
 *
 * Chunks are immutable and a document lists their ids in order, so an edit costs the chunks it touches and nothing
 * else: unchanged chunks are neither embedded again nor rewritten, wherever they moved.
 */
import type { ChunkPlan, HashedChunk } from "../../store/document-writes.ts";
import type { StoredChunk } from "../../store/documents.ts";

/**
 * Matches each wanted chunk with one stored chunk of the same hash, repeats included. `alike` says that both were read alike: the
 * same text is found by other words as code.
 */
export function planChunks(wanted: readonly HashedChunk[], stored: readonly StoredChunk[], alike: boolean): ChunkPlan {
  const available = new Map<string, number[]>();
  for (const { id, content_hash } of stored) {
    const ids = available.get(content_hash);
    if (ids) ids.push(id);
    else available.set(content_hash, [id]);
  }
  const plan: ChunkPlan = { order: [], fresh: [], stale_ids: [], kept_ids: [] };
  for (const chunk of wanted) {
    const kept = alike ? available.get(chunk.content_hash)?.shift() : undefined;
    if (kept === undefined) {
      plan.order.push({ fresh: plan.fresh.length });
      plan.fresh.push(chunk);
    } else {
      plan.order.push({ kept });
      plan.kept_ids.push(kept);
    }
  }
  plan.stale_ids = [...available.values()].flat();
  return plan;
}
