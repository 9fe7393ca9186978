/** Texts to vectors through the Workers AI binding; queries and passages of one model always through here. */
import type { EmbeddingModel } from "./models.ts";

/** The embedding answered with something other than one vector of the right length for each text. */
class EmbeddingError extends Error {
  override name = "EmbeddingError";
}

/**
 * What embeds: the binding, or its REST face for ops. Workers AI knows its models by name at type level; `EMBEDDING_MODEL` is
 * configuration, so the shape of an answer is checked here.
 */
export interface Embedder {
  run(model: string, inputs: { text: string[]; pooling?: "cls" | "mean" }): Promise<{ data?: unknown }>;
}

/**
 * One vector for each text, in order. At most 100 texts a call (Workers AI's limit for bge).
 * Throws what the binding throws, or `EmbeddingError` for an answer of the wrong shape.
 */
export async function embed(
  ai: Embedder,
  model: EmbeddingModel,
  texts: readonly string[],
  kind: "query" | "passage",
): Promise<number[][]> {
  const prefix = kind === "query" ? model.query_prefix : model.passage_prefix;
  const answer = await ai.run(model.id, {
    text: texts.map((text) => prefix + text),
    ...(model.pooling === undefined ? {} : { pooling: model.pooling }),
  });
  const { data } = answer;
  const dimensions = model.dimensions ?? (isVectors(data) ? data[0]?.length : undefined);
  if (!isVectors(data) || data.length !== texts.length || data.some((vector) => vector.length !== dimensions)) {
    throw new EmbeddingError(
      `${model.id} must answer ${texts.length} vector(s) of ${dimensions ?? "as many"} numbers: check EMBEDDING_MODEL against the index's dimensions`,
    );
  }
  if (!model.gives_zeros && data.some((vector) => vector.every((value) => value === 0))) {
    throw new EmbeddingError(`${model.id} answered a vector of zeros, which is near to nothing`);
  }
  return data;
}

function isVectors(data: unknown): data is number[][] {
  return Array.isArray(data) && data.every((vector) => Array.isArray(vector) && vector.every(Number.isFinite));
}
