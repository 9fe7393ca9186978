import { expect, test } from "vitest";
import { embeddingModel } from "./models.ts";

const BGE = "Represent this sentence for searching relevant passages: ";

test.each([
  ["@cf/baai/bge-small-en-v1.5", BGE, ""],
  ["@openai/bge-small-en-v1.5", BGE, ""],
  ["@openai/BAAI/bge-large-en-v1.5", BGE, ""],
  ["@openai/mxbai-embed-large", BGE, ""],
  ["@openai/bge-m3", "", ""],
  ["@openai/intfloat/e5-small-v2", "query: ", "passage: "],
  ["@openai/multilingual-e5-large", "query: ", "passage: "],
  ["@openai/nomic-embed-text:v1.5", "search_query: ", "search_document: "],
  ["@openai/thenlper/gte-small", "", ""],
  ["@openai/snowflake-arctic-embed:33m", BGE, ""],
  ["@openai/snowflake-arctic-embed2", "query: ", ""],
  ["@openai/all-minilm", "", ""],
  ["@prism/lexical-384-v1", "", ""],
])("%s is sent the instructions of its family", (id, query, passage) => {
  expect(embeddingModel(id)).toMatchObject({ id, query_prefix: query, passage_prefix: passage });
});

test("a configured instruction takes the family's place, and none stands for none", () => {
  expect(embeddingModel("@openai/bge-small-en", "search: ").query_prefix).toBe("search: ");
  expect(embeddingModel("@openai/bge-small-en", "none").query_prefix).toBe("");
});
