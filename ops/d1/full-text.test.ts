import { DatabaseSync } from "node:sqlite";
import { expect, test } from "vitest";
import { rebuildFullText } from "./full-text.ts";
import { sqliteD1 } from "./sqlite-connection.ts";

test.each([1, 7, 40, 41])("an index made %i rows at a time is the one that FTS5 would make", async (page_rows) => {
  const database = new DatabaseSync(":memory:");
  const sql = `CREATE VIRTUAL TABLE words USING fts5 (title, "bo dy" UNINDEXED, content = "te""xts", content_rowid = 'id')`;
  database.exec(`CREATE TABLE "te""xts" (id INTEGER PRIMARY KEY, title, "bo dy"); ${sql}`);
  const put = database.prepare(`INSERT INTO "te""xts" VALUES (?, ?, ?)`);
  for (let id = -20; id < 20; id++) put.run(id === -20 ? -(2n ** 63n) : id, `word${id} every`, "body");
  database.exec("INSERT INTO words (rowid, title) VALUES (99, 'stale')");
  await rebuildFullText(sqliteD1(database), { name: "words", sql }, page_rows);
  database.exec("INSERT INTO words (words, rank) VALUES ('integrity-check', 1)");
  const found = (query: string) => database.prepare("SELECT count(*) AS n FROM words WHERE words MATCH ?").get(query);
  expect([found("every"), found("word7"), found("stale"), found("body")]).toEqual([
    { n: 40 },
    { n: 1 },
    { n: 0 },
    { n: 0 },
  ]);
});
