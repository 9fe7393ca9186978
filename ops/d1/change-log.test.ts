import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, test } from "vitest";
import { logHead, readChanges } from "./change-log.ts";
import type { D1Connection } from "./connection.ts";
import { beginLoad } from "./load.ts";
import { contents, copyDatabase } from "./nasty-database.fixture.ts";
import { readRows } from "./read-rows.ts";
import { readSchema } from "./schema.ts";
import { sqliteD1 } from "./sqlite-connection.ts";
import { deleteRows, writeRows } from "./write-rows.ts";

const MIGRATIONS = join(import.meta.dirname, "../../worker/migrations");

function prismDatabase(): DatabaseSync {
  const database = new DatabaseSync(":memory:");
  for (const name of readdirSync(MIGRATIONS)
    .filter((one) => one.endsWith(".sql"))
    .sort())
    database.exec(readFileSync(join(MIGRATIONS, name), "utf8"));
  return database;
}

const addDocument = (database: DatabaseSync, id: number, chunks = 2) => {
  database
    .prepare(
      "INSERT INTO documents (id, tenant, external_id, title, format, content_hash, chunk_ids, token_count, version, created_at_ms, updated_at_ms) VALUES (?1, 'a', 'doc-' || ?1, 'T', 'text', '', '[]', 1, 1, 0, 0)",
    )
    .run(id);
  for (let chunk = 0; chunk < chunks; chunk++)
    database
      .prepare(
        "INSERT INTO chunks (id, document_id, tenant_term, title, heading, text, content_hash, token_count) VALUES (?, ?, 'a', '', '', ?, '', 1)",
      )
      .run(id * 100 + chunk, id, `words of ${id}\uFFFD`);
};
const removeDocument = (database: DatabaseSync, id: number) => {
  database.prepare("DELETE FROM chunks WHERE document_id = ?").run(id);
  database.prepare("DELETE FROM documents WHERE id = ?").run(id);
};

test("the Worker's own tables are logged, except the log itself and what expires within a day", async () => {
  const { tables } = await readSchema(sqliteD1(prismDatabase()));
  const logged = tables.filter(({ is_logged }) => is_logged).map(({ name }) => name);
  expect(logged).toEqual(
    expect.arrayContaining(["api_keys", "chunks", "documents", "job_parts", "packs", "sequences"]),
  );
  for (const name of ["change_log", "idempotency"]) expect(logged).not.toContain(name);
});

/** Copies rows, lets `meanwhile` happen after each table, then replays the log until it is complete. */
async function followedCopy(source: DatabaseSync, to: D1Connection, limit: number, meanwhile: (round: number) => void) {
  const from = sqliteD1(source);
  const schema = await readSchema(from);
  const load = await beginLoad(to, schema);
  const options = { without_orphans: { tables: schema.tables } };
  let seq = await logHead(from, schema);
  let round = 0;
  for (const table of schema.tables.filter(({ is_logged }) => is_logged)) {
    await writeRows(to, load.target(table), readRows(from, table), options);
    meanwhile(round++);
  }
  for (let isComplete = false; !isComplete; ) {
    const { tables, through_seq, complete } = await readChanges(from, schema, seq, limit);
    for (const { table, changes } of tables.toReversed())
      await deleteRows(
        to,
        load.target(table),
        changes.filter(({ row }) => row === null).map(({ key }) => key),
        options,
      );
    for (const { table, changes } of tables)
      await writeRows(to, load.target(table), [changes.flatMap(({ row }) => (row === null ? [] : [row]))], options);
    if (!complete) meanwhile(round++);
    [seq, isComplete] = [through_seq, complete];
  }
}

test.each([3, 7, 1000])(
  "a copy of a database at work, %i changes at a time, ends as a state that it had",
  async (limit) => {
    const [source, copy] = [prismDatabase(), new DatabaseSync(":memory:")];
    for (let id = 1; id <= 20; id++) addDocument(source, id);
    await followedCopy(source, sqliteD1(copy), limit, (round) => {
      if (round > 25) return;
      addDocument(source, 100 + round, 3);
      removeDocument(source, (round % 20) + 1);
      if (round % 3 === 0) removeDocument(source, 99 + round);
      source.prepare("UPDATE chunks SET pack_slot = ? WHERE id = 1800").run(round);
      source.prepare("UPDATE documents SET external_id = 'swap' WHERE id = 20").run();
      source.prepare("UPDATE documents SET external_id = 'doc-20' WHERE id = 19").run();
      source.prepare("UPDATE documents SET external_id = 'doc-19' WHERE id = 20").run();
    });
    const rowsOf = (database: DatabaseSync) =>
      contents(database).filter((line) => /^(documents|chunks|sequences): /.test(line));
    expect(rowsOf(copy)).toEqual(rowsOf(source));
    expect(copy.prepare("PRAGMA foreign_key_check").all()).toEqual([]);
  },
);

test("each changed row is told once, with what it holds now, and a deleted one as gone", async () => {
  const source = prismDatabase();
  const from = sqliteD1(source);
  const schema = await readSchema(from);
  addDocument(source, 1, 0);
  const seq = await logHead(from, schema);
  addDocument(source, 2, 1);
  source.prepare("UPDATE documents SET title = 'new', version = 2 WHERE id = 2").run();
  source.prepare("DELETE FROM documents WHERE id = 1").run();
  const { tables, through_seq, complete } = await readChanges(from, schema, seq);
  expect(complete).toBe(true);
  expect(through_seq).toBe(await logHead(from, schema));
  expect(
    tables.map(({ table, changes }) => [table.name, changes.map(({ key, row }) => [key, row?.[3] ?? null])]),
  ).toEqual([
    [
      "documents",
      [
        [[1n], null],
        [[2n], "new"],
      ],
    ],
    ["chunks", [[[200n], ""]]],
  ]);
  expect(await readChanges(from, schema, through_seq)).toEqual({ tables: [], through_seq, complete: true });
});

test("a log that was pruned, or set back, is refused instead of being followed with a gap", async () => {
  const source = prismDatabase();
  const from = sqliteD1(source);
  const schema = await readSchema(from);
  const before = await logHead(from, schema);
  addDocument(source, 1, 2);
  source.exec("DELETE FROM change_log WHERE seq <= (SELECT max(seq) - 1 FROM change_log)");
  await expect(readChanges(from, schema, before)).rejects.toThrow("what is older was pruned");
  await expect(readChanges(from, schema, before + 1000)).rejects.toThrow("this is another database");
});

test("a database without a log has no changes, and its copy needs none", async () => {
  const source = new DatabaseSync(":memory:");
  source.exec("CREATE TABLE t (a); INSERT INTO t VALUES (1)");
  const from = sqliteD1(source);
  const schema = await readSchema(from);
  expect(await logHead(from, schema)).toBe(0);
  expect(await readChanges(from, schema, 0)).toEqual({ tables: [], through_seq: 0, complete: true });
});

test("the Worker's whole database is copied with its log, its sequences and a full-text index that finds", async () => {
  const [source, copy] = [prismDatabase(), new DatabaseSync(":memory:")];
  for (let id = 1; id <= 20; id++) addDocument(source, id);
  await copyDatabase(sqliteD1(source), sqliteD1(copy));
  expect(contents(copy)).toEqual(contents(source));
  expect(copy.prepare("SELECT count(*) AS n FROM chunks_fts WHERE chunks_fts MATCH 'word'").get()).toEqual({ n: 40 });
});
