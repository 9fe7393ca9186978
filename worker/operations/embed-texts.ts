/** Texts to vectors of the model that the index is made with. */
import { Problem } from "../ground/problem.ts";
import { estimateTokens } from "../rag/text/tokens.ts";
import { embed } from "../vectors/embed.ts";
import { embeddingModel } from "../vectors/models.ts";
import type { Work } from "../work.ts";

interface EmbedInput {
  texts: readonly string[];
  kind: "query" | "passage";
}

/** One vector for each text, in order, and the tokens that were read. Books them. Throws a `model-down` problem. */
export async function embedTexts(
  work: Work,
  { texts, kind }: EmbedInput,
): Promise<{ vectors: number[][]; tokens: number }> {
  const vectors = await embed(work.awaitedStores.ai, embeddingModel(work.env), texts, kind).catch((cause: unknown) => {
    throw new Problem("model-down", "The embedding model cannot be reached. Try again.", { retry_after_s: 15, cause });
  });
  const tokens = texts.reduce((sum, text) => sum + estimateTokens(text), 0);
  Object.assign(work.usage, { tokens_in: tokens, model: work.env.EMBEDDING_MODEL });
  return { vectors, tokens };
}
