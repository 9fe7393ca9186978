import { DatabaseSync } from "node:sqlite";
import { expect, test } from "vitest";
import { readSchema, readSequences } from "./schema.ts";
import { sqliteD1 } from "./sqlite-connection.ts";

const schemaOf = (sql: string) => {
  const database = new DatabaseSync(":memory:");
  database.exec(sql);
  return readSchema(sqliteD1(database));
};

test.each([
  ["id INTEGER PRIMARY KEY, a", "", ["id", "a"], ["id"]],
  ["a, b", "", ["rowid", "a", "b"], ["rowid"]],
  ["a TEXT PRIMARY KEY", "", ["rowid", "a"], ["rowid"]],
  ["a TEXT NOT NULL PRIMARY KEY", "", ["rowid", "a"], ["a"]],
  ["rowid TEXT NOT NULL, b, PRIMARY KEY (b, rowid)", "WITHOUT ROWID", ["rowid", "b"], ["b", "rowid"]],
  ["rowid, a AS (rowid + 1)", "", ["_rowid_", "rowid"], ["_rowid_"]],
  ["id INTEGER PRIMARY KEY DESC, b", "", ["rowid", "id", "b"], ["rowid"]],
])("the rows of (%s) %s are read as %j and told apart by %j", async (columns, options, read, key) => {
  const { tables } = await schemaOf(`CREATE TABLE t (${columns}) ${options}`);
  expect(tables.map((table) => [table.columns.map(({ name }) => name), table.key])).toEqual([[read, key]]);
});

test("parents come before children, and a table's own sequence is exact", async () => {
  const database = new DatabaseSync(":memory:");
  database.exec(`CREATE TABLE c (b REFERENCES b); CREATE TABLE b (id INTEGER PRIMARY KEY AUTOINCREMENT, a REFERENCES A);
    CREATE TABLE a (id INTEGER PRIMARY KEY); INSERT INTO b (id) VALUES (9223372036854775806)`);
  const schema = await readSchema(sqliteD1(database));
  expect(schema.tables.map(({ name }) => name)).toEqual(["a", "b", "c"]);
  expect(await readSequences(sqliteD1(database), schema)).toEqual([{ table: "b", last: 9223372036854775806n }]);
});

test("what cannot be copied without loss is refused, each with its reason", async () => {
  const refused =
    schemaOf(`CREATE TABLE hidden (rowid, oid, _rowid_); CREATE VIRTUAL TABLE words USING fts5 (a, content = '');
    CREATE VIRTUAL TABLE boxes USING rtree (id, x, y); CREATE TABLE fine (a)`);
  await expect(refused).rejects.toThrow(
    /hidden: its columns hide the rowid.*words: a contentless FTS5 table.*boxes: virtual table of module rtree/s,
  );
});

test.each([
  ["AFTER INSERT ON t BEGIN", true],
  ["AFTER INSERT ON t WHEN NEW.a > 1 BEGIN", false],
  ["BEFORE INSERT ON t BEGIN", false],
])("a table is logged when all its changes are: %s", async (opening, is_logged) => {
  const entry = "INSERT INTO change_log (table_name, row_key) VALUES ('t', json_array(1)); END;";
  const { tables } = await schemaOf(`CREATE TABLE t (a INTEGER PRIMARY KEY);
    CREATE TABLE change_log (seq INTEGER PRIMARY KEY AUTOINCREMENT, table_name, row_key);
    CREATE TRIGGER i ${opening} ${entry}
    CREATE TRIGGER u AFTER UPDATE ON t BEGIN ${entry}
    CREATE TRIGGER d AFTER DELETE ON t BEGIN ${entry}`);
  expect(tables.find(({ name }) => name === "t")?.is_logged).toBe(is_logged);
});
