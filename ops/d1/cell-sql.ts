/**
 * Exact values through D1's JSON, in SQL: how a cell is asked for, and what its answer means. Pure.
 *
 * A row arrives with a string of types, one letter a cell (`n`, `i`, `r`, `t`, `b`), and its values as JSON. The letter tells INTEGER 1
 * from REAL 1.0. What JSON or JavaScript would bend travels as text: integers beyond 2^53 in decimal, infinities and -0.0 by name, BLOBs in
 * hex. A TEXT with U+FFFD in it may be one that is not UTF-8: it is read again in hex. A cell that is too long for its page arrives as its
 * length, a number where text belongs, and is read again as well.
 *
 * Verified in workerd: TEXT keeps its NULs, finite doubles arrive exact (JSON carries the shortest digits that give them back).
 */
import { D1_COLUMNS_PER_RESULT, D1_TYPES_PER_CALL, D1_VALUE_BYTES_MAX } from "../limits.ts";
import type { JsonValue, Rows, Statement } from "./connection.ts";
import { type Cell, MalformedText, textCell } from "./row-codec.ts";
import { type Column, quoted, type Table } from "./schema.ts";

/** How cells arrive that are not of the key; those of the key are always exact. */
export interface Manner {
  /** Cells with more bytes than this arrive as their length. */
  cell_bytes: number;
  /** TEXT arrives in hex, so that bytes that are not UTF-8 survive. */
  text_in_hex: boolean;
}

/** One row of an answer. */
export interface ArrivedRow {
  cells: Cell[];
  /** Bytes of TEXT and BLOB in the row, those left out included. */
  bytes: number;
  /** Cells that were left out, by their place in the row. */
  omitted: { place: number; is_text: boolean }[];
  /** Some text may not be what is stored. */
  is_doubtful: boolean;
}

/**
 * The queries that together read a row's cells, as few as D1's limit of result columns allows. The table is `t` in `rest`, which is
 * everything after the select list and the same for each: run as one batch, they see the same rows in the same order.
 */
export function selections(table: Table, manner: Manner, rest: Statement): Statement[] {
  return columnGroups(table).map((columns) => {
    const list = [types(columns), ...columns.map((column) => expression(column, mannerOf(table, column, manner)))];
    return { ...rest, sql: `SELECT ${list.join(", ")} ${rest.sql}` };
  });
}

/** The rows of the answers to `selections`. */
export function arrivedRows(table: Table, manner: Manner, answers: readonly Rows[]): ArrivedRow[] {
  const inHex = table.columns.map((column) => mannerOf(table, column, manner).text_in_hex);
  const [first, ...more] = answers;
  return (first?.rows ?? []).map((values, index) => {
    const row: ArrivedRow = { cells: [], bytes: 0, omitted: [], is_doubtful: false };
    arrive(row, values, inHex);
    for (const { rows } of more) arrive(row, rows[index] ?? [], inHex);
    return row;
  });
}

/** How many answers `selections` gets. */
export function selectionCount(table: Table): number {
  return Math.ceil(table.columns.length / D1_COLUMNS_PER_RESULT);
}

/** A cell as an operand, exact; text goes into `params`, which is appended to. */
export function operand(cell: Cell, params: JsonValue[]): string {
  if (cell === null) return "NULL";
  if (typeof cell === "bigint") return String(cell);
  if (typeof cell === "number" && !Number.isFinite(cell)) return cell > 0 ? "9e999" : "-9e999";
  if (typeof cell === "number" || typeof cell === "string") return `?${params.push(cell)}`;
  const hexed = `unhex(?${params.push(Buffer.from(cell instanceof MalformedText ? cell.bytes : cell).toString("hex"))})`;
  return cell instanceof MalformedText ? `CAST(${hexed} AS TEXT)` : hexed;
}

function columnGroups({ columns }: Table): Column[][] {
  const groups: Column[][] = [];
  for (let from = 0; from < columns.length; from += D1_COLUMNS_PER_RESULT)
    groups.push(columns.slice(from, from + D1_COLUMNS_PER_RESULT));
  return groups;
}

function mannerOf({ key }: Table, { name }: Column, manner: Manner): Manner {
  return key.includes(name) ? { cell_bytes: D1_VALUE_BYTES_MAX, text_in_hex: true } : manner;
}

function types(columns: readonly Column[]): string {
  const calls: string[] = [];
  for (let from = 0; from < columns.length; from += D1_TYPES_PER_CALL) {
    const part = columns.slice(from, from + D1_TYPES_PER_CALL).map(({ name }) => `typeof(t.${quoted(name)})`);
    calls.push(`format('${"%.1s".repeat(part.length)}', ${part.join(", ")})`);
  }
  return calls.join(" || ");
}

function expression({ name, is_textual }: Column, { cell_bytes, text_in_hex }: Manner): string {
  const cell = `t.${quoted(name)}`;
  const text = text_in_hex ? `hex(CAST(${cell} AS BLOB))` : cell;
  const length = `octet_length(${cell})`;
  if (is_textual)
    return `CASE WHEN ${length} > ${cell_bytes} THEN ${length} WHEN typeof(${cell}) = 'blob' THEN hex(${cell}) WHEN ${cell} IS NOT NULL THEN ${text} END`;
  return `CASE typeof(${cell})
    WHEN 'text' THEN iif(${length} > ${cell_bytes}, ${length}, ${text})
    WHEN 'blob' THEN iif(${length} > ${cell_bytes}, ${length}, hex(${cell}))
    WHEN 'integer' THEN iif(${cell} BETWEEN -9007199254740991 AND 9007199254740991, ${cell}, CAST(${cell} AS TEXT))
    WHEN 'real' THEN CASE WHEN ${cell} = 9e999 THEN 'Infinity' WHEN ${cell} = -9e999 THEN '-Infinity'
      WHEN ${cell} = 0.0 AND atan2(${cell}, -1.0) < 0.0 THEN '-0' ELSE ${cell} END END`;
}

/** `values` are the types of some columns and then their cells. */
function arrive(row: ArrivedRow, values: readonly JsonValue[], inHex: readonly boolean[]): void {
  const kinds = String(values[0]);
  for (let index = 1; index < values.length; index++) {
    const value = values[index] ?? null;
    const kind = kinds[index - 1];
    if (kind === "n") row.cells.push(null);
    else if (kind === "i") row.cells.push(BigInt(value ?? 0));
    else if (kind === "r") row.cells.push(Number(value));
    else if (typeof value === "number") {
      row.omitted.push({ place: row.cells.length, is_text: kind === "t" });
      row.cells.push(null);
      row.bytes += value;
    } else {
      const text = value ?? "";
      row.bytes += text.length;
      if (kind === "b") row.cells.push(Buffer.from(text, "hex"));
      else if (inHex[row.cells.length]) row.cells.push(textCell(Buffer.from(text, "hex")));
      else {
        row.is_doubtful ||= text.includes("\uFFFD");
        row.cells.push(text);
      }
    }
  }
}
