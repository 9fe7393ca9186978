import type { DatabaseSync } from "node:sqlite";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { serviceDatabase } from "../backup/snapshot/snapshot-rig.fixture.ts";
import type { D1Connection } from "../d1/connection.ts";
import { sqliteD1 } from "../d1/sqlite-connection.ts";
import { anyText, STUMBLING } from "./any-text.fixture.ts";
import { isFoundByItsWords } from "./found-by-words.ts";

const TEXTS = 500;
/** It must not be found for what another one says. */
const OTHER = 999;
let database: DatabaseSync;
let connection: D1Connection;
beforeAll(() => {
  database = serviceDatabase(0);
  connection = sqliteD1(database);
  put(OTHER, "lorem ipsum dolor sit amet");
});
afterAll(() => database.close());

function put(id: number, text: string): void {
  database.prepare("DELETE FROM chunks WHERE id = ?").run(id);
  database
    .prepare(
      `INSERT INTO chunks (id, document_id, tenant_term, title, heading, text, content_hash, token_count)
       VALUES (?, 1, 't0a9f3', '', '', ?, 'h', 1)`,
    )
    .run(id, text);
}

test.each(STUMBLING)("a chunk is found by its own words, whatever they are: %j", async (text) => {
  put(1, text);
  expect(await isFoundByItsWords(connection, "1")).toBe(true);
});

test(`so are ${TEXTS} generated chunks of all scripts, short and long`, async () => {
  const long = fc.array(anyText, { minLength: 20, maxLength: 30, size: "max" }).map((texts) => texts.join(""));
  const text = fc.oneof({ weight: 9, arbitrary: anyText }, { weight: 1, arbitrary: long });
  await fc.assert(
    fc.asyncProperty(text, async (text) => {
      put(1, text);
      expect(await isFoundByItsWords(connection, "1")).toBe(true);
    }),
    { numRuns: TEXTS },
  );
});

test("a chunk whose words the index does not have, or has for another chunk alone, is not found", async () => {
  for (const text of ["Übersicht der Anlagen", "漢字 0"]) {
    put(1, text);
    database.exec(`INSERT INTO chunks_fts (chunks_fts, rowid, tenant_term, title, heading, text)
      SELECT 'delete', id, tenant_term, title, heading, text FROM chunks WHERE id = 1`);
    database.exec(
      "INSERT INTO chunks_fts (rowid, tenant_term, title, heading, text) VALUES (1, 't0a9f3', '', '', 'other')",
    );
    expect(await isFoundByItsWords(connection, "1")).toBe(false);
    database.exec("INSERT INTO chunks_fts (chunks_fts) VALUES ('rebuild')");
  }
  expect(await isFoundByItsWords(connection, "12345")).toBe(false);
});
