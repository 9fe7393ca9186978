/**
 * Databases made to be lost in transit: every type in every affinity, odd names, every kind of key, and all that hangs on tables. And the
 * copy of a database through `D1Connection`s, and what real SQLite says that a database holds.
 */
import { DatabaseSync, type SQLOutputValue } from "node:sqlite";
import fc from "fast-check";
import type { D1Connection } from "./connection.ts";
import { beginLoad, finishLoad } from "./load.ts";
import { readRows } from "./read-rows.ts";
import { type Cell, MalformedText } from "./row-codec.ts";
import { quoted, readSchema, readSequences } from "./schema.ts";
import { writeRows } from "./write-rows.ts";

const text = fc.oneof(
  fc.string({ unit: "binary", maxLength: 12 }),
  fc.constantFrom(
    "",
    "\0",
    "a\0b",
    "\uFFFD",
    "\uFEFFx",
    "\u{1F600}",
    "\u{10FFFF}",
    "1",
    "1.0",
    " 1",
    "1e5",
    "0x10",
    "null",
    "'\"\\",
    "-0",
  ),
);
const bytes = fc.uint8Array({ maxLength: 12 });
const malformed = fc
  .constantFrom([0xff], [0xc3], [0x61, 0xed, 0xa0, 0x80], [0, 0xfe], [0xf4, 0x90, 0x80, 0x80])
  .map((broken) => new MalformedText(Uint8Array.from(broken)));
const int64 = fc.oneof(
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.constantFrom(0n, 1n, -(2n ** 63n), 2n ** 63n - 1n, 2n ** 53n, 2n ** 53n + 1n, -(2n ** 53n) - 1n),
);
const real = fc.oneof(
  fc.double({ noNaN: true }),
  fc.constantFrom(
    0,
    -0,
    1,
    -1,
    1e15,
    2 ** 53,
    2 ** 63,
    -(2 ** 63),
    1e300,
    5e-324,
    -5e-324,
    0.1,
    1 / 3,
    Infinity,
    -Infinity,
  ),
  fc.constantFrom(Number.MAX_VALUE, Number.MIN_VALUE * 3, 2.2250738585072014e-308, 2.225073858507201e-308),
);
/** Any cell that SQLite can hold. */
export const anyCell: fc.Arbitrary<Cell> = fc.oneof(fc.constant(null), int64, real, text, bytes, malformed);

const TYPES = ["", "INTEGER", "TEXT", "REAL", "NUMERIC", "BLOB", "VARCHAR(9) COLLATE NOCASE", "FLOATING POINT"];
const KEYS = [
  { key: "", before: "", after: "" },
  { key: "", before: "id INTEGER PRIMARY KEY, ", after: "" },
  { key: "", before: '"rowid" INTEGER PRIMARY KEY AUTOINCREMENT, ', after: "" },
  { key: ", PRIMARY KEY (c0)", before: "", after: "" },
  { key: ", PRIMARY KEY (k, c0)", before: "k NOT NULL, ", after: " WITHOUT ROWID" },
  { key: ", PRIMARY KEY (c0 DESC, k)", before: "k TEXT NOT NULL, ", after: " WITHOUT ROWID" },
  { key: "", before: '"oid" TEXT NOT NULL PRIMARY KEY, ', after: "" },
  { key: "", before: "id INTEGER PRIMARY KEY, any_of ANY, ", after: " STRICT" },
];
const GENERATED = ["", ", g AS (typeof(c0))", ", g TEXT GENERATED ALWAYS AS (c0 || 'x') STORED"];

export interface TablePlan {
  types: string[];
  shape: (typeof KEYS)[number];
  generated: string;
  rows: Cell[][];
}

export const tablePlan: fc.Arbitrary<TablePlan> = fc.record({
  types: fc.array(fc.constantFrom(...TYPES), { minLength: 1, maxLength: 4 }),
  shape: fc.constantFrom(...KEYS),
  generated: fc.constantFrom(...GENERATED),
  rows: fc.array(fc.array(anyCell, { minLength: 6, maxLength: 6 }), { maxLength: 8 }),
});

/** Everything that hangs on tables, beside the random ones. */
const COMPANY = `
  CREATE TABLE people (id INTEGER PRIMARY KEY, boss INTEGER NOT NULL REFERENCES people (id) ON DELETE CASCADE, house INTEGER NOT NULL REFERENCES houses);
  CREATE TABLE houses (id INTEGER PRIMARY KEY AUTOINCREMENT, owner INTEGER REFERENCES people (id) DEFERRABLE INITIALLY DEFERRED, name TEXT UNIQUE COLLATE NOCASE);
  CREATE TABLE rooms (house INTEGER NOT NULL REFERENCES houses (id) ON UPDATE CASCADE, door TEXT NOT NULL, size REAL CHECK (size > 0), PRIMARY KEY (house, door)) WITHOUT ROWID;
  CREATE TABLE "odd ""name" ("sel'ect" TEXT DEFAULT 'x;y', "" INT);
  CREATE TABLE extremes (value);
  CREATE INDEX by_size ON rooms (size) WHERE size > 10;
  CREATE UNIQUE INDEX by_expression ON houses (lower(name) || 'a', id);
  CREATE VIRTUAL TABLE room_text USING fts5 (door, content='places', content_rowid='id', tokenize = "porter unicode61");
  CREATE TABLE places (id INTEGER PRIMARY KEY, door TEXT);
  CREATE VIRTUAL TABLE notes USING fts5 (title, body UNINDEXED);
  CREATE VIRTUAL TABLE terms USING fts5vocab (notes, row);
  CREATE VIEW crowded AS SELECT house, count(*) AS rooms FROM rooms GROUP BY house HAVING rooms > 1;
  CREATE TRIGGER places_in AFTER INSERT ON places BEGIN INSERT INTO room_text (rowid, door) VALUES (NEW.id, NEW.door); END;
  CREATE TRIGGER guard BEFORE UPDATE ON rooms WHEN CASE NEW.size WHEN 13 THEN 1 ELSE 0 END BEGIN SELECT RAISE(ABORT, 'unlucky; size'); END;
  BEGIN;
  PRAGMA defer_foreign_keys = on;
  INSERT INTO people VALUES (1, 3, 2), (2, 2, 1), (3, 2, 1);
  INSERT INTO houses VALUES (1, 3, 'a'), (2, NULL, 'Ä'), (9, 1, NULL);
  DELETE FROM houses WHERE id = 9;
  INSERT INTO rooms VALUES (1, 'north', 12.5), (1, 'south', 3), (2, '', 1e300);
  INSERT INTO "odd ""name" VALUES ('quo''te', 1), (NULL, 9223372036854775807);
  DELETE FROM "odd ""name" WHERE "" = 1;
  INSERT INTO extremes VALUES (-0.0), (0.0), (0), (1.0), (1), ('1'), (x'31'), (''), (x''), (NULL), (9e999), (-9e999), (5e-324),
    (1.7976931348623157e308), (9007199254740993), (-9223372036854775808), (9223372036854775807), (CAST(x'ff' AS TEXT)), (char(0));
  INSERT INTO places VALUES (7, 'the red doors'), (8, 'a blue window');
  INSERT INTO notes (rowid, title, body) VALUES (5, 'first', x'00ff'), (-3, 'running', 12);
  COMMIT;`;

/** A database with `COMPANY` and one table for each plan. Rows that a table refuses are left out of it. */
export function nastyDatabase(plans: readonly TablePlan[]): DatabaseSync {
  const database = new DatabaseSync(":memory:");
  database.exec(COMPANY);
  for (const [index, { types, shape, generated, rows }] of plans.entries()) {
    const isStrict = shape.after.includes("STRICT");
    const columns = types.map(
      (type, place) =>
        `c${place} ${isStrict ? strictType(type) : type}${shape.key.includes(`c${place}`) ? " NOT NULL" : ""}`,
    );
    const generation = isStrict ? generated.replace("g AS", "g TEXT AS") : generated;
    database.exec(
      `CREATE TABLE t${index} (${shape.before}${columns.join(", ")}${generation}${shape.key})${shape.after}`,
    );
    const width = columns.length + shape.before.split(",").length - 1;
    for (const row of rows) insert(database, `t${index}`, row.slice(0, width));
  }
  return database;
}

function strictType(type: string): string {
  return ["INTEGER", "TEXT", "REAL", "BLOB"].includes(type) ? type : "ANY";
}

/** Inserts a row with exactly these cells, unless the table refuses it. */
function insert(database: DatabaseSync, table: string, row: readonly Cell[]): void {
  const places = row.map((cell) => (cell instanceof MalformedText ? "CAST(? AS TEXT)" : "?"));
  const values = row.map((cell) => (cell instanceof MalformedText ? cell.bytes : cell));
  try {
    database.prepare(`INSERT INTO ${table} VALUES (${places.join(", ")})`).run(...values);
  } catch (error) {
    if (!/constraint|mismatch|cannot store|is full/.test(String(error))) throw error;
  }
}

/** Copies a whole database, as a restore does. */
export async function copyDatabase(from: D1Connection, to: D1Connection, page_rows?: number): Promise<void> {
  const schema = await readSchema(from);
  const load = await beginLoad(to, schema);
  for (const table of schema.tables)
    await writeRows(to, load.target(table), readRows(from, table, page_rows === undefined ? {} : { page_rows }));
  await finishLoad(to, load, await readSequences(from, schema));
}

/** All that a database holds, bit for bit, as lines that can be compared; from real SQLite, not through a connection. */
export function contents(database: DatabaseSync): string[] {
  const rowsOf = (sql: string) => {
    const statement = database.prepare(sql);
    statement.setReturnArrays(true);
    statement.setReadBigInts(true);
    return statement.all() as unknown as SQLOutputValue[][];
  };
  const lines = rowsOf(
    "SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE '\\_cf\\_%' ESCAPE '\\'",
  ).map((row) => row.join(" "));
  const tables = rowsOf(
    "SELECT name, wr FROM pragma_table_list WHERE schema = 'main' AND type IN ('table', 'virtual') AND name NOT IN ('sqlite_schema', 'sqlite_stat1') AND name NOT LIKE '\\_cf\\_%' ESCAPE '\\'",
  );
  for (const [table, withoutRowid] of tables) {
    const columns = rowsOf(`SELECT name FROM pragma_table_xinfo(${sqlText(table)}) WHERE hidden <> 1`).map(([name]) =>
      quoted(String(name)),
    );
    if (withoutRowid === 0n && table !== "terms" && table !== "sqlite_sequence")
      columns.push(columns.includes('"rowid"') || columns.includes('"oid"') ? "_rowid_" : "rowid");
    const cells = columns.map(
      (name) =>
        `typeof(${name}), CASE WHEN typeof(${name}) IN ('text', 'blob') THEN hex(CAST(${name} AS BLOB)) ELSE ${name} END`,
    );
    for (const row of rowsOf(`SELECT ${cells.join(", ")} FROM ${quoted(String(table))}`))
      lines.push(`${table}: ${row.map(exactly).join(" ")}`);
  }
  return lines.sort();
}

function sqlText(value: SQLOutputValue | undefined): string {
  return `'${String(value).replaceAll("'", "''")}'`;
}

function exactly(value: SQLOutputValue): string {
  if (typeof value !== "number") return String(value);
  const bits = Buffer.alloc(8);
  bits.writeDoubleBE(value);
  return bits.toString("hex");
}

/** What SQLite's own checks say; `ok` alone when all is well. */
export function checks(database: DatabaseSync): unknown[] {
  return [
    ...database
      .prepare("PRAGMA integrity_check")
      .all()
      .map((row) => row.integrity_check),
    ...database.prepare("PRAGMA foreign_key_check").all(),
  ];
}

/** Rows near D1's limit of 2 MB, in each kind of text and bytes, between short ones; and a table of as many columns as D1 allows. */
export function longRows(): DatabaseSync {
  const database = new DatabaseSync(":memory:");
  const names = Array.from({ length: 100 }, (_, place) => `c${place}`);
  database.exec(`CREATE TABLE long (id INTEGER PRIMARY KEY, a, b TEXT); CREATE TABLE wide (${names.join(", ")})`);
  const put = database.prepare("INSERT INTO long (id, a, b) VALUES (?, ?, ?)");
  for (let id = 0; id < 300; id++) put.run(id * 10, id, `short ${id}`);
  put.run(5, Buffer.alloc(1_900_000, 0xa7), "a blob");
  put.run(15, '\u0001"\\é'.repeat(380_000), null);
  put.run(25, `\0${"x".repeat(1_500_000)}`, "y".repeat(400_000));
  put.run(35, "\uFFFD".repeat(200_000), Buffer.from("not text"));
  for (let id = 0; id < 10; id++) put.run(1001 + 10 * id, Buffer.alloc(60_000, id), `\uFFFD${"z".repeat(20_000)}`);
  database.exec("INSERT INTO long (id, a) VALUES (45, CAST(x'ff00fe' || zeroblob(500000) AS TEXT))");
  const places = names.map(() => "?").join(", ");
  const fill = database.prepare(`INSERT INTO wide VALUES (${places})`);
  fill.run(...names.map((_, place) => (place % 2 === 0 ? place : `text ${place}`)));
  fill.run(...names.map(() => "w".repeat(15_000)));
  return database;
}
