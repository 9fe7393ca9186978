/**
 * Rows of any table, exact, by keyset pages: the database keeps serving, and no page grows beyond a few megabytes whatever the rows hold.
 *
 * A page is one transaction. Pages are not one state together: rows that change meanwhile are named in the change log (`change-log.ts`), and
 * a table without one is what it was page by page. A row too long for its page, or with text that may not be UTF-8, is read a second time,
 * alone or with others like it; if it is gone by then it is left out, as if the page had come later.
 */
import {
  D1_CELL_BYTES_MAX,
  D1_CELL_BYTES_MIN,
  D1_PAGE_BYTES,
  D1_PAGE_ROWS_FIRST,
  D1_PAGE_ROWS_MAX,
} from "../limits.ts";
import { type ArrivedRow, arrivedRows, type Manner, operand, selections } from "./cell-sql.ts";
import type { D1Connection, JsonValue } from "./connection.ts";
import { completed, keyOf } from "./read-by-key.ts";
import type { Cell, Row } from "./row-codec.ts";
import { quoted, type Table } from "./schema.ts";

interface ReadOptions {
  /** Go on after the row with this key; from the beginning when absent. */
  after?: readonly Cell[] | undefined;
  /** At most this many rows a page; fewer when they are long. */
  page_rows?: number;
}

/**
 * All rows of `table` in the order of its key, a page at a time. The next page is asked for while the caller works on this one.
 * @throws OpsError in D1's words.
 */
export async function* readRows(
  connection: D1Connection,
  table: Table,
  { after, page_rows = D1_PAGE_ROWS_MAX }: ReadOptions = {},
): AsyncGenerator<Row[]> {
  const first = { after, rows: Math.min(D1_PAGE_ROWS_FIRST, page_rows) };
  let coming: Promise<Page> | undefined = readPage(connection, table, first);
  while (coming !== undefined) {
    const { rows, next }: Page = await coming;
    coming = next && readPage(connection, table, { ...next, rows: Math.min(next.rows, page_rows) });
    // Whoever stops early never awaits it; whoever goes on still sees it fail.
    coming?.catch(() => {});
    const complete = await rows;
    if (complete.length > 0) yield complete;
  }
}

interface Cursor {
  after: readonly Cell[] | undefined;
  rows: number;
}

interface Page {
  rows: Promise<Row[]>;
  next: Cursor | undefined;
}

async function readPage(connection: D1Connection, table: Table, cursor: Cursor): Promise<Page> {
  const cell_bytes = Math.floor((4 * D1_PAGE_BYTES) / cursor.rows);
  const manner: Manner = {
    cell_bytes: Math.min(Math.max(cell_bytes, D1_CELL_BYTES_MIN), D1_CELL_BYTES_MAX),
    text_in_hex: false,
  };
  const answers = await connection.batch(selections(table, manner, pageOf(table, cursor)), { repeatable: true });
  const arrived = arrivedRows(table, manner, answers);
  const last = arrived.at(-1);
  const isLast = last === undefined || arrived.length < cursor.rows;
  const rows = completed(connection, table, arrived).then((found) => found.filter((row) => row !== null));
  // Awaited by whoever takes the page, which may be after it failed.
  rows.catch(() => {});
  return {
    rows,
    next: isLast ? undefined : { after: keyOf(table, last.cells), rows: nextRows(cursor, arrived) },
  };
}

function pageOf(table: Table, { after, rows }: Cursor) {
  const names = table.key.map((name) => `t.${quoted(name)}`);
  const params: JsonValue[] = [];
  const beyond = after && `WHERE (${names.join(", ")}) > (${after.map((cell) => operand(cell, params)).join(", ")})`;
  const sql = `FROM ${quoted(table.name)} t ${beyond ?? ""} ORDER BY ${names.join(", ")} LIMIT ${rows}`;
  return { sql, params };
}

/** Rows for the next page by what this one's weighed; growth is bounded, for the next rows may be longer. */
function nextRows({ rows }: Cursor, arrived: readonly ArrivedRow[]): number {
  const bytes = arrived.reduce((sum, row) => sum + row.bytes + 8 * row.cells.length, 0);
  const fitting = Math.floor((D1_PAGE_BYTES * arrived.length) / bytes);
  return Math.max(1, Math.min(fitting, rows * 4, D1_PAGE_ROWS_MAX));
}
