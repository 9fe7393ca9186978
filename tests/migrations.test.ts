/** What every migration owes to exports and backups. The platform's tests show that D1 takes them. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, test } from "vitest";
import { migrationNames } from "../infra/local/migrate.ts";

/** Tables that backups need not hold. */
const UNLOGGED = [
  { id: "change_log", reason: "is the log" },
  { id: "idempotency", reason: "a cache of answers that ends within a day" },
];

const database = new DatabaseSync(":memory:");
for (const name of migrationNames()) {
  database.exec(readFileSync(join(import.meta.dirname, "../worker/migrations", name), "utf8"));
}
const rows = (sql: string) => database.prepare(sql).all() as Record<string, string | number>[];
const tables = rows("PRAGMA table_list").flatMap(({ schema, name, type }) =>
  schema === "main" && type === "table" && !String(name).startsWith("sqlite_") ? [String(name)] : [],
);

test("migrations are numbered without a gap and named for what they do", () => {
  expect(migrationNames().map((name) => Number(/^(\d{4})_[a-z0-9_]+\.sql$/.exec(name)?.[1]))).toEqual(
    migrationNames().map((_, index) => index + 1),
  );
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
