/** What every migration owes to exports and backups. The platform's tests show that D1 takes them. */
import { DatabaseSync } from "node:sqlite";
import { expect, test } from "vitest";
import { readMigrations } from "../infra/migration-files.ts";

/** Tables that backups need not hold. */
const UNLOGGED = [
  { id: "change_log", reason: "is the log" },
  { id: "idempotency", reason: "a cache of answers that ends within a day" },
  { id: "write_fence", reason: "belongs to one database at one moment" },
];

const database = new DatabaseSync(":memory:");
const migrations = readMigrations();
for (const { statements } of migrations) for (const sql of statements) database.exec(sql);
const rows = (sql: string) => database.prepare(sql).all() as Record<string, string | number>[];
const tables = rows("PRAGMA table_list").flatMap(({ schema, name, type }) =>
  schema === "main" && type === "table" && !String(name).startsWith("sqlite_") ? [String(name)] : [],
);

test("migrations are numbered without a gap and named for what they do", () => {
  expect(migrations.map(({ name }) => Number(name.slice(0, 4)))).toEqual(migrations.map((_, index) => index + 1));
});

test.each(tables)("table %s has an explicit key, which survives an export", (table) => {
  expect(rows(`PRAGMA table_info(${table})`).some(({ pk }) => Number(pk) > 0)).toBe(true);
});

test.each(tables.filter((table) => !UNLOGGED.some(({ id }) => id === table)))(
  "every change of table %s is logged for backups",
  (table) => {
    const triggers = rows(`SELECT sql FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = '${table}'`)
      .map(({ sql }) => String(sql))
      .filter((sql) => sql.includes("INSERT INTO change_log"));
    for (const event of ["INSERT", "UPDATE", "DELETE"]) {
      expect(
        triggers.some((sql) => sql.includes(`AFTER ${event} ON ${table}`)),
        event,
      ).toBe(true);
    }
  },
);

test.each(migrations)("the way back of $name leaves what was there before it", ({ name, revert }) => {
  if ("none" in revert) return expect(revert.none).not.toBe("");
  const ahead = new DatabaseSync(":memory:");
  ahead.exec("PRAGMA foreign_keys = ON");
  const shape = () =>
    JSON.stringify(ahead.prepare("SELECT type, name, sql FROM sqlite_schema ORDER BY type, name").all());
  const before = migrations.findIndex((migration) => migration.name === name);
  const run = (statements: readonly string[]) => {
    for (const sql of statements) ahead.exec(sql);
  };
  for (const { statements } of migrations.slice(0, before)) run(statements);
  // SQLite keeps `sqlite_sequence` once an AUTOINCREMENT key was there.
  ahead.exec("CREATE TABLE keeper (id INTEGER PRIMARY KEY AUTOINCREMENT)");
  const was = shape();
  run(migrations[before]?.statements ?? []);
  expect(shape()).not.toBe(was);
  run(revert.statements);
  expect(shape()).toBe(was);
  ahead.close();
});
