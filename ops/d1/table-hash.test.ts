import { DatabaseSync } from "node:sqlite";
import { expect, test } from "vitest";
import { copyDatabase, nastyDatabase } from "./nasty-database.fixture.ts";
import { encodeRow } from "./row-codec.ts";
import { readSchema } from "./schema.ts";
import { sqliteD1 } from "./sqlite-connection.ts";
import { hashTable, TableHash } from "./table-hash.ts";
import { deleteRows } from "./write-rows.ts";

const hashes = async (database: DatabaseSync) => {
  const connection = sqliteD1(database);
  const found = new Map<string, string>();
  for (const table of (await readSchema(connection)).tables) {
    const hash = await hashTable(connection, table);
    found.set(table.name, `${hash.count} ${hash.digest()}`);
  }
  return found;
};

test("a copy has the hashes of its original, and one changed bit shows in its table alone", async () => {
  const [source, copy] = [nastyDatabase([]), new DatabaseSync(":memory:")];
  await copyDatabase(sqliteD1(source), sqliteD1(copy));
  const original = await hashes(source);
  expect(await hashes(copy)).toEqual(original);
  copy.exec("UPDATE notes SET body = x'00fe' WHERE rowid = 5");
  const changed = await hashes(copy);
  expect([...changed].filter(([name, hash]) => original.get(name) !== hash).map(([name]) => name)).toEqual(["notes"]);
});

test("a hash follows rows that come, go and return, in any order", async () => {
  const [a, b, c] = [[1n], [1], ["1"]].map(encodeRow);
  if (!a || !b || !c) throw new Error("three rows");
  const [one, other] = [new TableHash(), new TableHash()];
  for (const row of [a, b, c, b]) one.add(row);
  one.remove(b);
  one.remove(c);
  for (const row of [b, a]) other.add(row);
  expect([one.count, one.digest()]).toEqual([other.count, other.digest()]);
  other.add(a);
  expect(other.digest()).not.toBe(one.digest());
  expect(new TableHash().digest()).toBe("0".repeat(64));
});

test("rows are deleted by keys of any type", async () => {
  const database = new DatabaseSync(":memory:");
  database.exec("CREATE TABLE t (k NOT NULL, n NOT NULL, PRIMARY KEY (k, n)) WITHOUT ROWID");
  const keys = [
    [1n, 9223372036854775807n],
    [0.1, ""],
    ["a\0b", -0.5],
    [Buffer.from("ff00", "hex"), Number.POSITIVE_INFINITY],
  ];
  for (const [k = null, n = null] of keys) database.prepare("INSERT INTO t VALUES (?, ?), (?, 'stays')").run(k, n, k);
  const connection = sqliteD1(database);
  const [table] = (await readSchema(connection)).tables;
  if (table) await deleteRows(connection, table, [...keys, ["not there", 1n]]);
  expect(database.prepare("SELECT n FROM t").all()).toEqual(keys.map(() => ({ n: "stays" })));
});
