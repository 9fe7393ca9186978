/**
 * What retrieval has to know of an embedding model: by its id, or by the family that its name tells.
 *
 * The one place for instructions: `FAMILIES` has what the cards say, `EMBEDDING_QUERY_PREFIX` and `EMBEDDING_PASSAGE_PREFIX` take
 * its place.
 */
export interface EmbeddingModel {
  id: string;
  /** Absent for a model that is not listed here: its index knows, and refuses vectors of another length. */
  dimensions?: number;
  /** Sent to Workers AI where the model's card recommends other than the platform's default (mean). */
  pooling?: "cls" | "mean";
  /** Share of the vector score in the convex fusion, 0..1. At 0 a hybrid search does not ask for vectors at all. */
  vector_weight: number;
  /** Put before a query. */
  query_prefix: string;
  /** Put before a passage. */
  passage_prefix: string;
  /** What is kept with vectors: two with one name can be compared. The model's id and, since it changes all of them, the passage prefix. */
  vector_space: string;
  /** A text without words has a vector of zeros. From any other model zeros are a fault. */
  gives_zeros?: true;
}

/** Instructions that the models of a family were trained with: without them they find less (their cards say how much). */
interface Family {
  name: RegExp;
  query_prefix: string;
  passage_prefix?: string;
}

const PASSAGE_SEARCH = "Represent this sentence for searching relevant passages: ";
const WEB_SEARCH_TASK = "Instruct: Given a web search query, retrieve relevant passages that answer the query\nQuery:";

/** The first that fits counts. Families that want no instruction (gte, all-MiniLM, bge-m3, jina v2) need no line. */
const FAMILIES: readonly Family[] = [
  { name: /bge-(?:small|base|large)-zh/, query_prefix: "为这个句子生成表示以用于检索相关文章：" },
  { name: /bge-(?:small|base|large)|mxbai-embed|uae-large/, query_prefix: PASSAGE_SEARCH },
  { name: /qwen3-embedding/, query_prefix: WEB_SEARCH_TASK },
  { name: /e5-.*instruct|e5-mistral|gte-qwen/, query_prefix: `${WEB_SEARCH_TASK} ` },
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

const MODELS: readonly Pick<EmbeddingModel, "id" | "dimensions" | "pooling" | "vector_weight" | "gives_zeros">[] = [
  { id: "@prism/lexical-384-v1", dimensions: 384, vector_weight: 0, gives_zeros: true },
  { id: "@cf/baai/bge-small-en-v1.5", dimensions: 384, pooling: "cls", vector_weight: 0.5 },
  { id: "@cf/baai/bge-base-en-v1.5", dimensions: 768, pooling: "cls", vector_weight: 0.5 },
];

/** In place of a prefix: none, whatever the model's card says. */
const NO_PREFIX = "none";

/** Of the Worker's variables, or of a version's bindings: an older one lacks the younger of them. */
interface Configuration {
  EMBEDDING_MODEL: string;
  EMBEDDING_QUERY_PREFIX?: string;
  EMBEDDING_PASSAGE_PREFIX?: string;
}

/**
 * The model that the Worker's variables name. A prefix that is set takes the place of the family's; `none` stands for no prefix. Of a
 * model that is not listed neither leg is known to be the better one: they weigh the same.
 */
export function embeddingModel(configured: Configuration): EmbeddingModel {
  const id = configured.EMBEDDING_MODEL;
  const family = FAMILIES.find(({ name }) => name.test(id.toLowerCase()));
  const prefix = (own = "", preset = ""): string => (own === NO_PREFIX ? "" : own || preset);
  const passage_prefix = prefix(configured.EMBEDDING_PASSAGE_PREFIX, family?.passage_prefix);
  return {
    ...(MODELS.find((model) => model.id === id) ?? { id, vector_weight: 0.5 }),
    query_prefix: prefix(configured.EMBEDDING_QUERY_PREFIX, family?.query_prefix),
    passage_prefix,
    vector_space: passage_prefix === "" ? id : `${id} after ${JSON.stringify(passage_prefix)}`,
  };
}

/** What a database says of its chunks' vectors: each `vector_space` there is, with its dimensions. One row where all is well. */
export const SORTS_OF_VECTORS = `SELECT DISTINCT embedding_model, dimensions FROM packs
  WHERE EXISTS (SELECT 1 FROM chunks WHERE chunks.pack_id = packs.id)`;
