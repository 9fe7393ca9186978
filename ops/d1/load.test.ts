import { DatabaseSync } from "node:sqlite";
import { expect, test } from "vitest";
import type { D1Connection } from "./connection.ts";
import { beginLoad } from "./load.ts";
import { checks, contents, copyDatabase, nastyDatabase } from "./nasty-database.fixture.ts";
import { readSchema } from "./schema.ts";
import { sqliteD1 } from "./sqlite-connection.ts";

/** Does the first `count` batches and fails from then on. */
function failingAfter(connection: D1Connection, count: number): D1Connection {
  let done = 0;
  return {
    async batch(statements, options) {
      if (done++ >= count) throw new Error("the line is cut");
      return connection.batch(statements, options);
    },
  };
}

test("a load that was cut off anywhere is finished by starting it again", async () => {
  const source = nastyDatabase([]);
  for (let count = 0, isWhole = false; !isWhole; count++) {
    const copy = new DatabaseSync(":memory:");
    isWhole = await copyDatabase(sqliteD1(source), failingAfter(sqliteD1(copy), count)).then(
      () => true,
      () => false,
    );
    if (!isWhole) await copyDatabase(sqliteD1(source), sqliteD1(copy));
    expect(contents(copy)).toEqual(contents(source));
    expect(checks(copy)).toEqual(["ok"]);
    expect(isWhole || count < 100).toBe(true);
  }
});

test("a database that holds something else is refused, and not touched", async () => {
  const schema = await readSchema(sqliteD1(nastyDatabase([])));
  const other = new DatabaseSync(":memory:");
  other.exec("CREATE TABLE theirs (a); CREATE TABLE rooms (b)");
  const before = contents(other);
  await expect(beginLoad(sqliteD1(other), schema)).rejects.toThrow("was not begun by this load: theirs, rooms");
  expect(contents(other)).toEqual(before);
});

test("a schema whose full-text index has outlived its rows is refused before a row is written, and says from where to take another", async () => {
  const source = new DatabaseSync(":memory:");
  source.exec("CREATE TABLE texts (id INTEGER PRIMARY KEY, text); CREATE TABLE others (id INTEGER PRIMARY KEY)");
  source.exec(
    "CREATE VIRTUAL TABLE words USING fts5 (text, content = 'texts', content_rowid = 'id'); DROP TABLE texts",
  );
  const copy = new DatabaseSync(":memory:");
  await expect(beginLoad(sqliteD1(copy), await readSchema(sqliteD1(source)))).rejects.toMatchObject({
    parts: { cause: expect.stringContaining("rows of texts"), hint: expect.stringContaining("restore plan --at") },
  });
  expect(contents(copy)).toEqual(contents(new DatabaseSync(":memory:")));
});
