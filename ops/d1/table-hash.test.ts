import { DatabaseSync } from "node:sqlite";
import fc from "fast-check";
import { expect, test } from "vitest";
import { anyCell, copyDatabase, nastyDatabase } from "./nasty-database.fixture.ts";
import { encodeRow, hashRow, type Row } from "./row-codec.ts";
import { readSchema } from "./schema.ts";
import { sqliteD1 } from "./sqlite-connection.ts";
import { hashTable, TableHash } from "./table-hash.ts";
import { deleteRows } from "./write-rows.ts";

const hashes = async (database: DatabaseSync) => {
  const connection = sqliteD1(database);
  const found = new Map<string, string>();
  for (const table of (await readSchema(connection)).tables) {
    const hash = await hashTable(connection, table);
    found.set(table.name, `${hash.rows} ${hash.digest}`);
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

/** What the hash is defined as. */
function sumOf(rows: readonly Row[]): string {
  const sum = rows.reduce((total, row) => total + BigInt(`0x${hashRow(encodeRow(row)).toString("hex")}`), 0n);
  return BigInt.asUintN(256, sum).toString(16).padStart(64, "0");
}

test("a hash that is carried on is the one of the rows that are there", () => {
  const rows = fc.array(fc.array(anyCell, { maxLength: 3 }), { maxLength: 8 });
  fc.assert(
    fc.property(rows, rows, rows, (before, gone, come) => {
      const known = new TableHash();
      for (const row of [...before, ...gone]) known.add(hashRow(encodeRow(row)));
      const carried = new TableHash(known);
      for (const row of gone) carried.remove(hashRow(encodeRow(row)));
      for (const row of come) carried.add(hashRow(encodeRow(row)));
      expect(carried.rows).toBe(before.length + come.length);
      expect(carried.digest).toBe(sumOf([...come, ...before]));
    }),
  );
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
