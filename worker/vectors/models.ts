/** What retrieval has to know of an embedding model: by its id, or by the family that its name tells. */
export interface EmbeddingModel {
  id: string;
  /** Absent for a model that is not listed here: its index knows, and refuses vectors of another length. */
  dimensions?: number;
  /** Sent to Workers AI where the model's card recommends other than the platform's default (mean). */
  pooling?: "cls" | "mean";
  /** Share of the vector score in the convex fusion, 0..1. At 0 a hybrid search does not ask for vectors at all. */
  vector_weight: number;
  /** Put before a query, as the model's card says. */
  query_prefix: string;
  /** Put before a passage, as the model's card says. */
  passage_prefix: string;
  /** A text without words has a vector of zeros. From any other model zeros are a fault. */
  gives_zeros?: true;
  max_input_tokens: number;
}

/** Instructions that the models of a family were trained with: without them they find less (their cards say how much). */
interface Family {
  name: RegExp;
  query_prefix: string;
  passage_prefix?: string;
}

const PASSAGE_SEARCH = "Represent this sentence for searching relevant passages: ";
const WEB_SEARCH_TASK = "Instruct: Given a web search query, retrieve relevant passages that answer the query\nQuery: ";

/** The first that fits counts. Families that want no instruction (gte, all-MiniLM, bge-m3, jina v2) need no line. */
const FAMILIES: readonly Family[] = [
  { name: /bge-(?:small|base|large)-zh/, query_prefix: "为这个句子生成表示以用于检索相关文章：" },
  { name: /bge-(?:small|base|large)|mxbai-embed|uae-large/, query_prefix: PASSAGE_SEARCH },
  { name: /e5-.*instruct|e5-mistral|gte-qwen|qwen\d?-embedding/, query_prefix: WEB_SEARCH_TASK },
  { name: /(?:^|[^a-z0-9])e5(?:[^a-z0-9]|$)/, query_prefix: "query: ", passage_prefix: "passage: " },
  { name: /nomic-embed-text|modernbert-embed/, query_prefix: "search_query: ", passage_prefix: "search_document: " },
  { name: /snowflake-arctic-embed.*(?:v2|2\.0)|arctic-embed2/, query_prefix: "query: " },
  { name: /arctic-embed/, query_prefix: PASSAGE_SEARCH },
  {
    name: /embedding-?gemma/,
    query_prefix: "task: search result | query: ",
    passage_prefix: "title: none | text: ",
  },
];

const MODELS: readonly Omit<EmbeddingModel, "query_prefix" | "passage_prefix">[] = [
  {
    id: "@prism/lexical-384-v1",
    dimensions: 384,
    vector_weight: 0,
    gives_zeros: true,
    max_input_tokens: 8192,
  },
  { id: "@cf/baai/bge-small-en-v1.5", dimensions: 384, pooling: "cls", vector_weight: 0.6, max_input_tokens: 512 },
  { id: "@cf/baai/bge-base-en-v1.5", dimensions: 768, pooling: "cls", vector_weight: 0.6, max_input_tokens: 512 },
];

/** For `EMBEDDING_QUERY_PREFIX`: no instruction, whatever the model's card says. */
const NO_PREFIX = "none";

/**
 * The model of an id. For an unknown one an even weight is the neutral prior. `query_prefix` takes the place of the family's
 * where it is not empty; `none` stands for no prefix.
 */
export function embeddingModel(id: string, query_prefix = ""): EmbeddingModel {
  const family = FAMILIES.find(({ name }) => name.test(id.toLowerCase()));
  const preset = family?.query_prefix ?? "";
  return {
    ...(MODELS.find((model) => model.id === id) ?? { id, vector_weight: 0.5, max_input_tokens: 512 }),
    query_prefix: query_prefix === NO_PREFIX ? "" : query_prefix || preset,
    passage_prefix: family?.passage_prefix ?? "",
  };
}
