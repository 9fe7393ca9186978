/** What retrieval has to know of an embedding model. One entry a model; an unknown one gets careful defaults. */
export interface EmbeddingModel {
  id: string;
  /** Absent for a model that is not listed here: its index knows, and refuses vectors of another length. */
  dimensions?: number;
  /** Sent to Workers AI where the model's card recommends other than the platform's default (mean). */
  pooling?: "cls" | "mean";
  /** Share of the vector score in the convex fusion, 0..1. At 0 a hybrid search does not ask for vectors at all. */
  vector_weight: number;
  /** Put before a query, not before a passage, as the model's card says. */
  query_prefix?: string;
  max_input_tokens: number;
}

const BGE_QUERY_PREFIX = "Represent this sentence for searching relevant passages: ";

const MODELS: readonly EmbeddingModel[] = [
  { id: "@prism/lexical-384-v1", dimensions: 384, vector_weight: 0, max_input_tokens: 8192 },
  {
    id: "@cf/baai/bge-small-en-v1.5",
    dimensions: 384,
    pooling: "cls",
    vector_weight: 0.6,
    query_prefix: BGE_QUERY_PREFIX,
    max_input_tokens: 512,
  },
  {
    id: "@cf/baai/bge-base-en-v1.5",
    dimensions: 768,
    pooling: "cls",
    vector_weight: 0.6,
    query_prefix: BGE_QUERY_PREFIX,
    max_input_tokens: 512,
  },
];

/** For an unknown model an even weight is the neutral prior. */
export function embeddingModel(id: string): EmbeddingModel {
  return (
    MODELS.find((model) => model.id === id) ?? {
      id,
      vector_weight: 0.5,
      max_input_tokens: 512,
    }
  );
}
