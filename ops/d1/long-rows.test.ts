import { DatabaseSync } from "node:sqlite";
import { expect, test } from "vitest";
import type { D1Connection } from "./connection.ts";
import { contents, copyDatabase, longRows } from "./nasty-database.fixture.ts";
import { sqliteD1 } from "./sqlite-connection.ts";

test("rows up to D1's 2 MB arrive, whatever they are made of, and pages of them stay within bounds", async () => {
  const [source, copy] = [longRows(), new DatabaseSync(":memory:")];
  const connection = sqliteD1(source);
  let largest = 0;
  const watched: typeof connection = {
    async batch(statements) {
      const answers = await connection.batch(statements);
      largest = Math.max(largest, JSON.stringify(answers).length);
      return answers;
    },
  };
  await copyDatabase(watched, sqliteD1(copy));
  expect(contents(copy)).toEqual(contents(source));
  expect(largest).toBeLessThan(8_000_000);
});

test("no statement of a copy has more or longer parameters, or more text, than D1 takes", async () => {
  const [from, to] = [sqliteD1(longRows()), sqliteD1(new DatabaseSync(":memory:"))];
  const largest = { sql: 0, params: 0, param_bytes: 0 };
  const watched = (connection: D1Connection): D1Connection => ({
    batch(statements, options) {
      for (const { sql, params = [] } of statements) {
        largest.sql = Math.max(largest.sql, sql.length);
        largest.params = Math.max(largest.params, params.length);
        for (const param of params)
          largest.param_bytes = Math.max(largest.param_bytes, Buffer.byteLength(String(param)));
      }
      return connection.batch(statements, options);
    },
  });
  await copyDatabase(watched(from), watched(to));
  expect(largest.sql).toBeLessThan(100_000);
  expect(largest.params).toBeLessThanOrEqual(100);
  expect(largest.param_bytes).toBeLessThanOrEqual(2_000_000);
});
