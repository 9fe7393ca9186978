import { DatabaseSync } from "node:sqlite";
import { expect, test } from "vitest";
import { readMigrations } from "../infra/migration-files.ts";
import { embeddingModel } from "../worker/vectors/models.ts";
import { refuseForeignVectors } from "./foreign-vectors.ts";

const E5 = "@openai/e5-small-v2";

/** A database whose chunks have vectors of such a model, asked for a Worker with such variables. */
async function check(made: Record<string, string>, asked: Record<string, string>, owed = false): Promise<void> {
  using database = new DatabaseSync(":memory:");
  database.exec("PRAGMA foreign_keys = OFF");
  for (const { statements } of readMigrations()) for (const sql of statements) database.exec(sql);
  const { vector_space } = embeddingModel({ EMBEDDING_MODEL: E5, ...made });
  database.prepare("INSERT INTO packs VALUES (1, 'packs/1', ?, 384, 1, 0, NULL)").run(vector_space);
  database
    .prepare(
      `INSERT INTO chunks (id, document_id, tenant_term, title, heading, text, content_hash, token_count, pack_id)
       VALUES (1, 1, 't', 'Title', '', 'Text', 'hash', 1, ?)`,
    )
    .run(owed ? null : 1);
  const bindings = Object.entries({ EMBEDDING_MODEL: E5, ...asked }).map(([name, text]) => ({
    type: "plain_text" as const,
    name,
    text,
  }));
  const query = async (queries: { sql: string }[]) =>
    queries.map(({ sql }) => ({ rows: database.prepare(sql).all().map(Object.values) }));
  await refuseForeignVectors(query, { bindings });
}

test("vectors of another model, or made with another passage prefix, are refused with both names and the ways out", async () => {
  await expect(check({}, { EMBEDDING_MODEL: "@openai/all-minilm" })).rejects.toThrow(
    /of @openai\/e5-small-v2 after "passage: ", not of @openai\/all-minilm, .*--data/,
  );
  await expect(check({}, { EMBEDDING_PASSAGE_PREFIX: "none" })).rejects.toThrow(/not of @openai\/e5-small-v2,/);
  await expect(check({ EMBEDDING_PASSAGE_PREFIX: "text: " }, {})).rejects.toThrow(/after "text: ", not of/);
});

test("the same model is taken, whatever is put before queries, and however its prefix is spelt", async () => {
  await check({}, { EMBEDDING_QUERY_PREFIX: "ask: " });
  await check({}, { EMBEDDING_PASSAGE_PREFIX: "passage: " });
  await check({ EMBEDDING_PASSAGE_PREFIX: "none" }, { EMBEDDING_PASSAGE_PREFIX: "none" });
});

test("a vector that no chunk has any more, or that is still owed, is nobody's concern", async () => {
  await check({}, { EMBEDDING_MODEL: "@openai/all-minilm" }, true);
});
