/**
 * What reading the database for a snapshot will cost, before it is done: requests, rows that D1 counts, bytes.
 *
 * Reads a few rows of each table that will be copied whole, to know how long its rows are. The number of rows comes from the
 * snapshot before; without one, from the span of a numeric key, else from a count that stops early. What changed is known by entries of
 * the log that lie evenly between its ends: which rows they name, whether these are still there, and how long they are.
 */
import { z } from "zod";
import type { D1Connection, Statement } from "../d1/connection.ts";
import { firstNumber } from "../d1/query.ts";
import { quoted, type Table } from "../d1/schema.ts";
import {
  D1_CHANGES_PER_READ,
  D1_PAGE_BYTES,
  D1_PAGE_ROWS_FIRST,
  D1_PAGE_ROWS_MAX,
  PLAN_COUNT_MAX,
  PLAN_SAMPLE_ROWS,
} from "../limits.ts";
import type { SnapshotInventory } from "./manifest.ts";
import { bytesOf, measureChanges } from "./plan-changes.ts";
import { keptTable } from "./snapshot/continuation.ts";
import type { DatabaseLook } from "./snapshot/database-look.ts";

export const tablePlan = z.strictObject({
  name: z.string(),
  /** `whole`: every row. `changes`: what the change log names. `at the end`: in the last transaction, for it has no log. */
  how: z.enum(["whole", "changes", "at the end"]),
  /** Of the table, by the best estimate at hand. */
  rows: z.number(),
  /** To be read before the change log. */
  bytes: z.number(),
  requests: z.number(),
});
type TablePlan = z.infer<typeof tablePlan>;

interface DatabasePlan {
  tables: TablePlan[];
  /** Entries of the change log since the snapshot that is continued. */
  changes: number;
  requests: number;
  rows_read: number;
  rows_written: number;
  bytes: number;
}

/** `base`: what will be continued, null for a full snapshot. @throws OpsError in D1's words. */
export async function planDatabase(
  connection: D1Connection,
  look: DatabaseLook,
  base: SnapshotInventory | null,
): Promise<DatabasePlan> {
  const known = new Map(base?.database.tables.map((table) => [table.name, table]));
  const isWhole = (table: Table) => !look.small.has(table) && (base === null || keptTable(table, look, base) === null);
  const sizes = await measure(connection, look.tables.filter(isWhole));
  const tables = look.tables.map((table): TablePlan => {
    const { rows, row_bytes } = sizes.get(table) ?? { rows: known.get(table.name)?.rows ?? 0, row_bytes: 0 };
    if (!isWhole(table))
      return { name: table.name, how: look.small.has(table) ? "at the end" : "changes", rows, bytes: 0, requests: 0 };
    return { name: table.name, how: "whole", rows, bytes: rows * row_bytes, requests: pagesOf(rows, row_bytes) };
  });
  const sum = (of: (table: TablePlan) => number) => tables.reduce((total, table) => total + of(table), 0);
  const after_seq = base?.database.log_seq ?? look.log_head;
  const kept = look.tables.filter((table) => table.is_logged && !isWhole(table));
  const changed = await measureChanges(connection, kept, after_seq, base === null ? { ...look, window: null } : look);
  const packs = tables.find(({ name }) => name === "packs")?.rows ?? 0;
  return {
    tables,
    changes: changed.entries,
    requests: sum(({ requests }) => requests) + roundsOf(changed.entries) + OTHER_REQUESTS,
    rows_read:
      sum(({ how, rows }) => (how === "changes" ? 0 : rows)) +
      changed.entries +
      changed.keys * READS_PER_KEY +
      schemaReads(look.schema) +
      packs,
    rows_written: look.has_marks ? MARK_ROWS : 0,
    bytes: sum(({ bytes }) => bytes) + changed.bytes,
  };
}

/** D1 counts a key in JSON, its place in the list and the row. */
const READS_PER_KEY = 3;

/** Definitions are gone through six times (twice as a whole, in order), columns three times. */
function schemaReads(schema: DatabaseLook["schema"]): number {
  const { tables, virtual_tables, indexes, views, triggers } = schema;
  const definitions = tables.length + virtual_tables.length + indexes.length + views.length + triggers.length;
  return 6 * definitions + 3 * tables.reduce((total, { columns }) => total + columns.length, 0);
}

/** For each window of the log one to read it and one for the rows that it names. The first came with the look at the database. */
function roundsOf(entries: number): number {
  return Math.max(1, 2 * Math.ceil(entries / D1_CHANGES_PER_READ) - 1);
}

/** The looks at schema and log (2), the last transaction, the bookmark, one to spare. */
const OTHER_REQUESTS = 5;
/** Two marks, their entries in the log, and its sequence each time. */
const MARK_ROWS = 6;

interface Size {
  rows: number;
  /** Text and blobs, and 8 bytes for each cell. */
  row_bytes: number;
}

async function measure(connection: D1Connection, tables: readonly Table[]): Promise<Map<Table, Size>> {
  if (tables.length === 0) return new Map();
  const answers = await connection.batch(
    tables.flatMap((table) => [counting(table), sampling(table)]),
    { repeatable: true },
  );
  return new Map(
    tables.map((table, index) => [
      table,
      { rows: firstNumber(answers[index * 2]), row_bytes: firstNumber(answers[index * 2 + 1]) },
    ]),
  );
}

function counting({ name, key, columns }: Table): Statement {
  const [column = ""] = key;
  const is_numeric = key.length === 1 && columns.some((one) => one.name === column && !one.is_textual);
  const counted = `SELECT count(*) FROM (SELECT 1 FROM ${quoted(name)} LIMIT ${PLAN_COUNT_MAX})`;
  if (!is_numeric) return { sql: counted };
  // One search of the key for each end. A key of another type has no span.
  const span = `(SELECT max(${quoted(column)}) FROM ${quoted(name)}) - (SELECT min(${quoted(column)}) FROM ${quoted(name)}) + 1`;
  return { sql: `SELECT coalesce(${span}, (${counted}))` };
}

/** The mean size of the first rows of a table: text and blobs, and 8 bytes for each cell. */
export function sampling(table: Table): Statement {
  const list = table.columns.map(({ name }) => quoted(name)).join(", ");
  const some = `(SELECT ${list} FROM ${quoted(table.name)} LIMIT ${PLAN_SAMPLE_ROWS})`;
  return { sql: `SELECT avg(${bytesOf(table)}) FROM ${some} t` };
}

/** Pages begin small and grow by four until they hold `D1_PAGE_BYTES`: see `ops/d1/read-rows.ts`. */
function pagesOf(rows: number, row_bytes: number): number {
  const full = Math.max(1, Math.min(Math.floor(D1_PAGE_BYTES / Math.max(1, row_bytes)), D1_PAGE_ROWS_MAX));
  let pages = 1;
  let left = rows - D1_PAGE_ROWS_FIRST;
  for (let page = D1_PAGE_ROWS_FIRST * 4; left > 0 && page < full; page *= 4) {
    left -= page;
    pages += 1;
  }
  return pages + Math.max(0, Math.ceil(left / full));
}
