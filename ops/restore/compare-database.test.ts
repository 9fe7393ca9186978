import { DatabaseSync } from "node:sqlite";
import fc from "fast-check";
import { afterEach, expect, test } from "vitest";
import { serviceDatabase } from "../backup/snapshot/snapshot-rig.fixture.ts";
import { anyCell } from "../d1/nasty-database.fixture.ts";
import { MalformedText } from "../d1/row-codec.ts";
import { readSchema } from "../d1/schema.ts";
import { sqliteD1 } from "../d1/sqlite-connection.ts";
import { hashTable } from "../d1/table-hash.ts";
import { anyText, STUMBLING } from "./any-text.fixture.ts";
import { compareDatabase } from "./compare-database.ts";

const FIRST_DOCUMENTS = 500;
const hooks = { signal: new AbortController().signal };

let open: DatabaseSync[] = [];
afterEach(() => {
  for (const database of open) database.close();
  open = [];
});

/** The Worker's tables without a chunk. */
function empty(): DatabaseSync {
  const database = serviceDatabase(0);
  database.exec("DELETE FROM chunks");
  open.push(database);
  return database;
}

function put(database: DatabaseSync, id: number, title: string, heading: string, text: string): void {
  database
    .prepare(
      `INSERT INTO chunks (id, document_id, tenant_term, title, heading, text, content_hash, token_count)
       VALUES (?, 1, 't0a9f3', ?, ?, ?, 'h', 1)`,
    )
    .run(id, title, heading, text);
}

/** What a snapshot of the database would say of it and of the rows that are indexed. */
async function described(database: DatabaseSync) {
  const connection = sqliteD1(database);
  const schema = await readSchema(connection);
  const tables = await Promise.all(
    schema.tables
      .filter(({ name }) => ["chunks", "texts"].includes(name))
      .map(async (table) => {
        const { rows, digest } = await hashTable(connection, table);
        return { name: table.name, rows, digest };
      }),
  );
  return { inventory: { database: { tables } }, body: { database: { schema, sequences: [] } } };
}

async function differences(database: DatabaseSync, wanted?: Awaited<ReturnType<typeof described>>) {
  const compared = await compareDatabase(sqliteD1(database), wanted ?? (await described(database)), hooks);
  return [...compared.differences, ...compared.failed_checks];
}

test.each(STUMBLING)("an equal database passes whatever its first document says: %j", async (text) => {
  const database = empty();
  put(database, 1, text, text, text);
  put(database, 2, "Another", "", "one that says something else");
  expect(await differences(database)).toEqual([]);
});

test(`an equal database passes with each of ${FIRST_DOCUMENTS} generated first documents of all scripts`, async () => {
  const database = empty();
  put(database, 2_000_000, "The last", "", "one that stays");
  const id = fc.integer({ min: -(2 ** 53) + 1, max: 1_000_000 });
  await fc.assert(
    fc.asyncProperty(id, anyText, anyText, anyText, async (id, title, heading, text) => {
      database.exec("DELETE FROM chunks WHERE id < 2000000");
      put(database, id, title, heading, text);
      expect(await differences(database)).toEqual([]);
    }),
    { numRuns: FIRST_DOCUMENTS },
  );
});

const DEFINITIONS = [
  { content: "texts", options: ", tokenize = unicode61" },
  { content: "texts", options: ", tokenize = 'porter ascii'" },
  { content: "texts", options: `, tokenize = "unicode61 remove_diacritics 0 tokenchars '-_ ' separators 'a'"` },
  { content: "texts", options: ", tokenize = 'trigram case_sensitive 1'" },
  { content: "texts", options: ", detail = none" },
  { content: "texts", options: ", detail = column, prefix = '1 2'" },
  { content: "texts", options: ", columnsize = 0" },
  { content: "shown", options: ", tokenize = porter" },
];

test.each(DEFINITIONS)("an index over $content $options passes whatever values its rows have", async (definition) => {
  const database = new DatabaseSync(":memory:");
  open.push(database);
  database.exec(`CREATE TABLE texts (id INTEGER PRIMARY KEY, a, "b c" TEXT);
    CREATE VIEW shown AS SELECT id, a, "b c" FROM texts WHERE a IS NOT NULL;
    CREATE VIRTUAL TABLE "odd ""name" USING fts5 (a, "b c", content = '${definition.content}', content_rowid = 'id'${definition.options})`);
  const insert = database.prepare(`INSERT INTO texts (a, "b c") VALUES (?, ?)`);
  const malformed = database.prepare(`INSERT INTO texts (a, "b c") VALUES (CAST(? AS TEXT), ?)`);
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(anyCell, anyText), { maxLength: 4 }), async (rows) => {
      database.exec("DELETE FROM texts");
      for (const [cell, text] of rows) {
        if (cell instanceof MalformedText) malformed.run(cell.bytes, text);
        else insert.run(cell, text);
      }
      database.exec(`INSERT INTO "odd ""name" ("odd ""name") VALUES ('rebuild')`);
      expect(await differences(database)).toEqual([]);
    }),
    { numRuns: 60 },
  );
});

test("an empty database passes, and one whose only document is empty", async () => {
  const database = empty();
  expect(await differences(database)).toEqual([]);
  put(database, 1, "", "", "");
  expect(await differences(database)).toEqual([]);
});

test.each([
  { broken: "lost everything", sql: "INSERT INTO chunks_fts (chunks_fts) VALUES ('delete-all')" },
  {
    broken: "lost a document without a word",
    sql: "INSERT INTO chunks_fts (chunks_fts, rowid, tenant_term, title, heading, text) SELECT 'delete', id, tenant_term, title, heading, text FROM chunks WHERE id = 2",
  },
  {
    broken: "holds a document too many",
    sql: "INSERT INTO chunks_fts (rowid, tenant_term, title, heading, text) VALUES (7, '', '', '', 'surplus')",
  },
  {
    broken: "holds another text than the row",
    sql: "INSERT INTO chunks_fts (chunks_fts, rowid, tenant_term, title, heading, text) SELECT 'delete', id, tenant_term, title, heading, text FROM chunks WHERE id = 1; INSERT INTO chunks_fts (rowid, tenant_term, title, heading, text) VALUES (1, 't0a9f3', '', '', 'another')",
  },
])("an index that $broken is noticed", async ({ sql }) => {
  const database = empty();
  put(database, 1, "", "", "漢字");
  put(database, 2, "", "", "😀");
  const wanted = await described(database);
  database.exec(sql);
  expect(await differences(database, wanted)).toEqual([
    { check: "full-text", finding: expect.stringMatching(/^index chunks_fts does not agree with its content: /) },
  ]);
});
