import fc from "fast-check";
import { expect, test } from "vitest";
import { embeddingModel } from "./models.ts";

const BGE = "Represent this sentence for searching relevant passages: ";
const TASK = "Instruct: Given a web search query, retrieve relevant passages that answer the query\nQuery:";

test.each([
  ["@cf/baai/bge-small-en-v1.5", BGE, ""],
  ["@openai/bge-small-en-v1.5", BGE, ""],
  ["@openai/BAAI/bge-large-en-v1.5", BGE, ""],
  ["@openai/text-embedding-bge-base-en", BGE, ""],
  ["@openai/BAAI/bge-base-zh-v1.5", "为这个句子生成表示以用于检索相关文章：", ""],
  ["@openai/mxbai-embed-large", BGE, ""],
  ["@openai/bge-m3", "", ""],
  ["@openai/intfloat/e5-small-v2", "query: ", "passage: "],
  ["@openai/multilingual-e5-large", "query: ", "passage: "],
  ["@openai/multilingual-e5-large-instruct", `${TASK} `, ""],
  ["@openai/nomic-embed-text:v1.5", "search_query: ", "search_document: "],
  ["@openai/text-embedding-nomic-embed-text-v2-moe", "search_query: ", "search_document: "],
  ["@openai/thenlper/gte-small", "", ""],
  ["@openai/Alibaba-NLP/gte-Qwen2-1.5B-instruct", `${TASK} `, ""],
  ["@openai/Qwen/Qwen3-Embedding-0.6B", TASK, ""],
  ["@openai/qwen3-embedding:0.6b", TASK, ""],
  ["@openai/snowflake-arctic-embed:33m", BGE, ""],
  ["@openai/Snowflake/snowflake-arctic-embed-m-v1.5", BGE, ""],
  ["@openai/snowflake-arctic-embed2", "query: ", ""],
  ["@openai/Snowflake/snowflake-arctic-embed-l-v2.0", "query: ", ""],
  ["@openai/embeddinggemma", "task: search result | query: ", "title: none | text: "],
  ["@openai/all-minilm", "", ""],
  ["@prism/lexical-384-v1", "", ""],
])("%s is sent the instructions of its family", (id, query, passage) => {
  expect(embeddingModel({ EMBEDDING_MODEL: id })).toMatchObject({ id, query_prefix: query, passage_prefix: passage });
});

test("a configured instruction takes the family's place, and none stands for none", () => {
  const e5 = (EMBEDDING_QUERY_PREFIX: string, EMBEDDING_PASSAGE_PREFIX: string) =>
    embeddingModel({ EMBEDDING_MODEL: "@openai/e5-base", EMBEDDING_QUERY_PREFIX, EMBEDDING_PASSAGE_PREFIX });
  expect(e5("search: ", "text: ")).toMatchObject({ query_prefix: "search: ", passage_prefix: "text: " });
  expect(e5("none", "none")).toMatchObject({ query_prefix: "", passage_prefix: "" });
  expect(e5("", "")).toMatchObject({ query_prefix: "query: ", passage_prefix: "passage: " });
});

test("vectors can be compared just where model and passage prefix are the same, whatever is put before queries", () => {
  const prefix = fc.constantFrom("", "none", "passage: ", "search_document: ", 'a "quoted" one: ');
  const id = fc.constantFrom("@openai/e5-base", "@openai/nomic-embed-text", "@openai/all-minilm", "@cf/baai/bge-m3");
  const configured = fc.record({
    EMBEDDING_MODEL: id,
    EMBEDDING_QUERY_PREFIX: prefix,
    EMBEDDING_PASSAGE_PREFIX: prefix,
  });
  fc.assert(
    fc.property(configured, configured, (one, other) => {
      const [a, b] = [embeddingModel(one), embeddingModel(other)];
      const isSame = a.id === b.id && a.passage_prefix === b.passage_prefix;
      expect(a.vector_space === b.vector_space).toBe(isSame);
    }),
  );
});
