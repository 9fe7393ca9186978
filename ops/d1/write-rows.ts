/**
 * Rows into a table and out of it, in bulk and exact: many rows in one JSON parameter, a few such statements in one request.
 *
 * Writing a row that is there replaces it, so a repetition does no harm. Generated columns are left to SQLite. What the caller sees to:
 * no trigger may be there that should not fire (`load.ts` makes triggers last), and parents come before children.
 */
import { D1_COLUMNS_MAX, D1_KEYS_PER_READ, D1_PARAMETER_BYTES, D1_WRITES_PER_BATCH } from "../limits.ts";
import type { D1Connection, JsonValue, Statement } from "./connection.ts";
import { type Cell, MalformedText, type Row } from "./row-codec.ts";
import { hexOf, isBent, jsonCell, rowJson } from "./row-json.ts";
import { type ForeignKey, isNamed, quoted, type Table } from "./schema.ts";

interface WriteOptions {
  /**
   * Leave out what would break a foreign key, instead of failing: rows whose parent is not there, deletions of rows that still have children.
   * Right while a living database is copied: the missing parent came, or the child went, later than what was read, so that the change log
   * names the row again. Holds the tables of both ends as they are in this database (all of `Schema.tables` will do).
   */
  without_orphans?: { tables: readonly Table[] };
}

/** Checked when the transaction ends, so that rows of one request may refer to each other. */
const DEFER = { sql: "PRAGMA defer_foreign_keys = on" };

/**
 * Inserts rows, replacing those with the same key. While one request is on its way, the next is prepared.
 * @throws OpsError in D1's words; requests before the failing one stay done.
 */
export async function writeRows(
  connection: D1Connection,
  table: Table,
  pages: AsyncIterable<readonly Row[]> | Iterable<readonly Row[]>,
  options: WriteOptions = {},
): Promise<void> {
  const waiting: Statement[] = [];
  // A hundred columns and a rowid are one more than a SELECT may have, but not than VALUES may.
  const isWide = table.columns.length > D1_COLUMNS_MAX;
  let chunk = new Chunk();
  let sent: Promise<unknown> = Promise.resolve();
  const send = async () => {
    const batch = [DEFER, ...waiting.splice(0)];
    await sent;
    sent = connection.batch(batch, { repeatable: true });
    // Awaited before the next one, and at the end.
    sent.catch(() => {});
  };
  const close = () => {
    if (chunk.rows.length > 0) waiting.push(bulkStatement(table, chunk, options));
    chunk = new Chunk();
  };
  for await (const page of pages) {
    for (const row of page) {
      const json = rowJson(row);
      const bytes = Buffer.byteLength(json);
      if (chunk.bytes + bytes > D1_PARAMETER_BYTES) close();
      if (bytes > D1_PARAMETER_BYTES || isWide) waiting.push(singleRowStatement(table, row, options));
      else chunk.add(row, json, bytes);
      if (waiting.length >= D1_WRITES_PER_BATCH) await send();
    }
  }
  close();
  if (waiting.length > 0) await send();
  await sent;
}

/**
 * Deletes the rows with these keys, as far as they are there.
 * @throws OpsError in D1's words; a parent with children fails unless the children went before.
 */
export async function deleteRows(
  connection: D1Connection,
  table: Table,
  keys: readonly (readonly Cell[])[],
  { without_orphans }: WriteOptions = {},
): Promise<void> {
  const names = table.key.map(quoted).join(", ");
  const children = (without_orphans?.tables ?? []).flatMap((child) => hasNoChild(table, child));
  for (let from = 0; from < keys.length; from += D1_KEYS_PER_READ) {
    const part = keys.slice(from, from + D1_KEYS_PER_READ);
    const cells = table.key.map((_, place) => jsonCell("k.value", place, isBentIn(part, place)));
    const isNamed = `(${names}) IN (SELECT ${cells.join(", ")} FROM json_each(?1) k)`;
    const sql = `DELETE FROM ${quoted(table.name)} AS d WHERE ${[isNamed, ...children].join(" AND ")}`;
    const params = [`[${part.map(rowJson).join(",")}]`];
    await connection.batch([DEFER, { sql, params }], { repeatable: true });
  }
}

/** Conditions under which no row of `child` refers to the row `d` of `table`. */
function hasNoChild(table: Table, child: Table): string[] {
  return child.foreign_keys
    .filter(({ parent }) => isNamed(table, parent))
    .map(({ columns, parent_columns }) => {
      const names = parent_columns.length > 0 ? parent_columns : table.key;
      const match = names.map((name, index) => `c.${quoted(columns[index] ?? "")} = d.${quoted(name)}`);
      return `NOT EXISTS (SELECT 1 FROM ${quoted(child.name)} c WHERE ${match.join(" AND ")})`;
    });
}

class Chunk {
  readonly rows: Row[] = [];
  readonly json: string[] = [];
  bytes = 0;
  add(row: Row, json: string, bytes: number): void {
    this.rows.push(row);
    this.json.push(json);
    this.bytes += bytes + 1;
  }
}

function isBentIn(rows: readonly Row[], place: number): boolean {
  return rows.some((row) => isBent(row[place]));
}

function bulkStatement(table: Table, { rows, json }: Chunk, options: WriteOptions): Statement {
  const cells = table.columns.map((_, place) => jsonCell("r.value", place, isBentIn(rows, place)));
  return { sql: insertion(table, cells, "FROM json_each(?1) r", options), params: [`[${json.join(",")}]`] };
}

/** One row, in several parameters where its JSON is too long for one, and a cell that is too long by itself in parameters of its own. */
function singleRowStatement(table: Table, row: Row, options: WriteOptions): Statement {
  const params: JsonValue[] = [];
  const packs: { cells: Cell[]; param: number }[] = [];
  let packBytes = 0;
  const cells = row.map((cell) => {
    const bytes = Buffer.byteLength(rowJson([cell]));
    if (bytes > D1_PARAMETER_BYTES) return longCell(cell, params);
    let pack = packs.at(-1);
    if (pack === undefined || packBytes + bytes > D1_PARAMETER_BYTES) {
      pack = { cells: [], param: params.push(null) };
      packs.push(pack);
      packBytes = 0;
    }
    packBytes += bytes;
    return jsonCell(`?${pack.param}`, pack.cells.push(cell) - 1, isBent(cell));
  });
  for (const pack of packs) params[pack.param - 1] = rowJson(pack.cells);
  return { sql: insertion(table, cells, "", options), params };
}

/** Text as it is; what would go in hex in pieces, for D1's limit holds for each parameter and for the cell, not for the statement. */
function longCell(cell: Cell, params: JsonValue[]): string {
  if (typeof cell === "string" && !cell.includes("\0")) return `?${params.push(cell.toWellFormed())}`;
  const bytes = typeof cell === "string" ? Buffer.from(cell) : cell instanceof MalformedText ? cell.bytes : cell;
  if (!(bytes instanceof Uint8Array)) throw new TypeError("a number is never long");
  const pieces: string[] = [];
  for (let from = 0; from < bytes.length; from += D1_PARAMETER_BYTES / 2)
    pieces.push(`unhex(?${params.push(hexOf(bytes.subarray(from, from + D1_PARAMETER_BYTES / 2)))})`);
  return `CAST(${pieces.join(" || ")} AS ${cell === bytes ? "BLOB" : "TEXT"})`;
}

function insertion(table: Table, cells: readonly string[], source: string, { without_orphans }: WriteOptions): string {
  const names = table.columns.map(({ name }) => quoted(name));
  const places = new Map(table.columns.map(({ name }, place) => [name.toLowerCase(), place]));
  const cellOf = (name: string) => cells[places.get(name.toLowerCase()) ?? -1] ?? "NULL";
  const conditions = without_orphans
    ? table.foreign_keys.flatMap((reference) => hasParent(reference, without_orphans.tables, cellOf))
    : [];
  const select =
    source === "" && conditions.length === 0
      ? `VALUES (${cells.join(", ")})`
      : `SELECT ${cells.join(", ")} ${source} WHERE ${["true", ...conditions].join(" AND ")}`;
  // REPLACE also clears a UNIQUE conflict with a stale row, but it deletes, and a cascade would follow.
  if (!table.is_cascading) return `INSERT OR REPLACE INTO ${quoted(table.name)} (${names.join(", ")}) ${select}`;
  const others = table.columns.filter(({ name }) => !table.key.includes(name)).map(({ name }) => quoted(name));
  const change =
    others.length === 0 ? "NOTHING" : `UPDATE SET ${others.map((name) => `${name} = excluded.${name}`).join(", ")}`;
  const target = table.key.map(quoted).join(", ");
  return `INSERT INTO ${quoted(table.name)} (${names.join(", ")}) ${select} ON CONFLICT (${target}) DO ${change}`;
}

function hasParent(
  { columns, parent, parent_columns }: ForeignKey,
  tables: readonly Table[],
  cellOf: (name: string) => string,
): string[] {
  const table = tables.find((one) => isNamed(one, parent));
  if (table === undefined) return [];
  const names = parent_columns.length > 0 ? parent_columns : table.key;
  const match = names.map((name, index) => `p.${quoted(name)} = (${cellOf(columns[index] ?? "")})`);
  const isNull = columns.map((name) => `(${cellOf(name)}) IS NULL`);
  return [`(${isNull.join(" OR ")} OR EXISTS (SELECT 1 FROM ${quoted(table.name)} p WHERE ${match.join(" AND ")}))`];
}
