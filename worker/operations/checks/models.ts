/** The embedding model, asked for one vector; and the chat model by what its last real calls told. */
import { breakers } from "../../store/dependencies.ts";
import { type Embedder, embed } from "../../vectors/embed.ts";
import { embeddingModel } from "../../vectors/models.ts";
import type { Check } from "./check.ts";

export const ai: Check = {
  name: "ai",
  test: "embed one word",
  async run({ env, timings }) {
    const model = embeddingModel(env);
    const [vector = []] = await timings.measure("embedding", () =>
      embed(env.AI as unknown as Embedder, model, ["health"], "query"),
    );
    const facts = { model: model.id, dimensions: vector.length };
    // An answer costs a hundred times as much as an embedding: the breaker knows how the last real one went.
    return breakers.generation.open
      ? { status: "degraded", detail: "the chat model failed several times in a row", facts }
      : { status: "healthy", facts };
  },
};
