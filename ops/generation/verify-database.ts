/** Whether a copied database is what its source is: row by row while writers work, counts and hashes while they wait. */
import pMap from "p-map";
import { counted } from "../../worker/ground/counted.ts";
import { OpsError } from "../command/errors.ts";
import type { D1Connection } from "../d1/connection.ts";
import { queryTexts } from "../d1/query.ts";
import { keyOf, readByKeys } from "../d1/read-by-key.ts";
import { readRows } from "../d1/read-rows.ts";
import { type Cell, encodeRow, type Row } from "../d1/row-codec.ts";
import { CHANGE_LOG, quoted, type Schema, type Table } from "../d1/schema.ts";
import { hashTable } from "../d1/table-hash.ts";
import { FENCED_HASH_ROWS_MAX, FENCED_TABLES_AT_ONCE } from "../limits.ts";
import { FENCE_TABLE } from "./fence.ts";
import type { DatabaseFilling } from "./fill.ts";

/**
 * Every row of the source against its copy. A row that differs must have changed since the last replay, and then the log
 * says so. @throws OpsError naming rows that differ although nothing changed them.
 */
export async function compareRows(filling: DatabaseFilling, schema: Schema): Promise<void> {
  const { source, target, progress, state, signal } = filling;
  const wrong: string[] = [];
  state.compared_rows = 0;
  progress.start("compare", 0);
  for (const table of schema.tables.filter(({ is_logged }) => is_logged)) {
    const suspects: Cell[][] = [];
    for await (const page of readRows(source.connection, table)) {
      signal.throwIfAborted();
      suspects.push(...(await differing(table, page, target.connection)));
      state.compared_rows += page.length;
    }
    if (suspects.length === 0) continue;
    const changed = await changedSince(source.connection, table, state.seq ?? 0);
    const unexplained = suspects.filter((key) => !changed.has(textOf(key)));
    const [example] = unexplained;
    if (example) wrong.push(`${counted(unexplained.length, "row")} of ${table.name}, e.g. ${textOf(example)}`);
  }
  progress.stop();
  if (wrong.length > 0) throw unequal(target.name, wrong);
}

async function changedSince(connection: D1Connection, { name }: Table, seq: number): Promise<Set<string>> {
  const sql = `SELECT DISTINCT row_key FROM ${CHANGE_LOG} WHERE seq > ?1 AND table_name = ?2`;
  return new Set((await queryTexts(connection, sql, [seq, name])).map((key) => JSON.stringify(JSON.parse(key))));
}

/** A key as the change log spells it. */
function textOf(key: readonly Cell[]): string {
  return JSON.stringify(key.map((cell) => (typeof cell === "bigint" ? Number(cell) : cell)));
}

async function differing(table: Table, rows: readonly Row[], connection: D1Connection): Promise<Cell[][]> {
  const keys = rows.map((row) => [...keyOf(table, row)]);
  const copies = await readByKeys(connection, table, keys);
  return keys.filter((_, index) => {
    const [row, copy] = [rows[index], copies[index]];
    return !row || !copy || !encodeRow(row).equals(encodeRow(copy));
  });
}

/**
 * Counts of all tables and hashes of all but the largest, while nobody writes to either.
 * @throws OpsError naming the tables that differ.
 */
export async function verifyTables(
  filling: DatabaseFilling,
  schema: Schema,
): Promise<{ tables: number; rows: number; hashed_tables: number }> {
  const { source, target } = filling;
  const tables = schema.tables.filter(({ name }) => name !== FENCE_TABLE);
  const [here, there] = await Promise.all([countAll(source.connection, tables), countAll(target.connection, tables)]);
  const wrong = tables.flatMap(({ name }, index) =>
    here[index] === there[index] ? [] : [`${name} has ${there[index]} rows instead of ${here[index]}`],
  );
  // Larger tables were compared row by row before, and writers do not wait for a second time.
  const hashed = tables.filter((_, index) => (here[index] ?? 0) > 0 && (here[index] ?? 0) <= FENCED_HASH_ROWS_MAX);
  await pMap(
    hashed,
    async (table) => {
      const [hash, copy] = await Promise.all([
        hashTable(source.connection, table),
        hashTable(target.connection, table),
      ]);
      if (hash.digest !== copy.digest) wrong.push(`${table.name} holds other rows`);
    },
    { concurrency: FENCED_TABLES_AT_ONCE },
  );
  if (wrong.length > 0) throw unequal(target.name, wrong);
  const rows = here.reduce((sum, count) => sum + count, 0);
  return { tables: tables.length, rows, hashed_tables: hashed.length };
}

/** Rows of each table, in one request. */
export async function countAll(connection: D1Connection, tables: readonly Table[]): Promise<number[]> {
  const found = await connection.batch(tables.map(({ name }) => ({ sql: `SELECT count(*) FROM ${quoted(name)}` })));
  return found.map(({ rows }) => Number(rows[0]?.[0] ?? 0));
}

function unequal(name: string, wrong: readonly string[]): OpsError {
  return new OpsError({
    op: "verify",
    subject: name,
    cause: `the copy differs: ${wrong.join("; ")}`,
    hint: "nothing was switched; npm run ops -- generation cancel, then begin again, and report it if it recurs",
  });
}
