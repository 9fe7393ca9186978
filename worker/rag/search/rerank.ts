/** Reranking by a cross-encoder on Workers AI (`@cf/baai/bge-reranker-base`), where `RERANK_MODEL` names one. */
import { RERANK_TEXT_CHARS_MAX } from "../../limits.ts";
import type { ChunkRow } from "./text-leg.ts";

/** The reranker answered with something other than scores of the given texts. */
class RerankError extends Error {
  override name = "RerankError";
}

/** The model is configuration, so the binding's types by model name do not apply; the answer is checked here. */
interface RerankBinding {
  run(model: string, inputs: { query: string; contexts: { text: string }[] }): Promise<{ response?: unknown }>;
}

/**
 * The score of each chunk by its id; higher is better, comparable within one call only.
 * Throws what the binding throws, or `RerankError`.
 */
export async function rerankScores(
  ai: Pick<Ai, "run">,
  model: string,
  query: string,
  chunks: readonly Pick<ChunkRow, "chunk_id" | "text">[],
): Promise<Map<number, number>> {
  const binding = ai as unknown as RerankBinding;
  const contexts = chunks.map(({ text }) => ({ text: text.slice(0, RERANK_TEXT_CHARS_MAX) }));
  const { response } = await binding.run(model, { query, contexts });
  const scores = new Map<number, number>();
  if (Array.isArray(response)) {
    for (const { id, score } of response as { id?: unknown; score?: unknown }[]) {
      const chunk = typeof id === "number" ? chunks[id] : undefined;
      if (chunk !== undefined && typeof score === "number") scores.set(chunk.chunk_id, score);
    }
  }
  if (scores.size !== chunks.length) {
    throw new RerankError(`${model} must score each of ${chunks.length} texts, got ${scores.size} scores`);
  }
  return scores;
}
