/** Reranking by a cross-encoder on Workers AI (`@cf/baai/bge-reranker-base`), where `RERANK_MODEL` names one. */
import { RERANK_TEXT_CHARS_MAX } from "../limits.ts";

/** The reranker answered with something other than scores of the given texts. */
export class RerankError extends Error {
  override name = "RerankError";
}

/** The model is configuration, so the binding's types by model name do not apply; the answer is checked here. */
interface RerankBinding {
  run(model: string, inputs: { query: string; contexts: { text: string }[] }): Promise<{ response?: unknown }>;
}

/**
 * One score for each text, in order; higher is better, comparable within one call only.
 * Throws what the binding throws, or `RerankError`.
 */
export async function rerankScores(
  ai: Pick<Ai, "run">,
  model: string,
  query: string,
  texts: readonly string[],
): Promise<number[]> {
  const binding = ai as unknown as RerankBinding;
  const contexts = texts.map((text) => ({ text: text.slice(0, RERANK_TEXT_CHARS_MAX) }));
  const { response } = await binding.run(model, { query, contexts });
  const scores = new Map<number, number>();
  if (Array.isArray(response)) {
    for (const { id, score } of response as { id?: unknown; score?: unknown }[]) {
      if (typeof id === "number" && typeof score === "number") scores.set(id, score);
    }
  }
  return texts.map((_, place) => {
    const score = scores.get(place);
    if (score === undefined) throw new RerankError(`${model} gave no score to text ${place} of ${texts.length}`);
    return score;
  });
}
