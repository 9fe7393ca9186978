/** Vectorize: one index a generation, declared through this project's own provider (infra/provider). */
import * as pulumi from "@pulumi/pulumi";
import { accountId } from "./account.ts";
import { config, stack } from "./config.ts";
import { generationName, VECTOR_INDEX } from "./inventory.ts";
import { keep, waived } from "./protection.ts";

interface VectorizeIndexArgs {
  accountId: pulumi.Input<string>;
  name: pulumi.Input<string>;
  dimensions: pulumi.Input<number>;
  metric: pulumi.Input<"cosine" | "euclidean" | "dot-product">;
  description?: pulumi.Input<string>;
  metadataIndexes: pulumi.Input<pulumi.Input<{ property: string; type: "string" | "number" | "boolean" }>[]>;
  /** Lets a delete take the vectors along. */
  forceDestroy?: pulumi.Input<boolean>;
}

/** A Vectorize index with its metadata indexes. Changed dimensions or metric replace it. */
class VectorizeIndex extends pulumi.CustomResource {
  constructor(name: string, args: VectorizeIndexArgs, options: pulumi.CustomResourceOptions) {
    super("vectorize:index:VectorizeIndex", name, { ...args }, options);
  }
}

export const vectorIndexes = config.vectors.generations.map(({ generation, dimensions }) => {
  const name = `${VECTOR_INDEX.name}-g${generation}`;
  return {
    generation,
    dimensions,
    name: generationName(VECTOR_INDEX, generation, stack),
    resource: new VectorizeIndex(
      name,
      {
        accountId,
        name: generationName(VECTOR_INDEX, generation, stack),
        dimensions,
        metric: VECTOR_INDEX.metric,
        description: VECTOR_INDEX.description,
        metadataIndexes: VECTOR_INDEX.metadata_indexes.map(({ property, type }) => ({ property, type })),
        ...(waived(name) ? { forceDestroy: true } : {}),
      },
      keep(name),
    ),
  };
});
