/** Rows by their keys: what the change log names, and what did not fit its page or came out of it doubtful. */
import { portions } from "../../worker/ground/portions.ts";
import {
  D1_CELL_BYTES_MAX,
  D1_CHANGES_PER_READ,
  D1_COLUMNS_PER_RESULT,
  D1_KEYS_PER_READ,
  D1_PAGE_BYTES,
  D1_VALUE_BYTES_MAX,
} from "../limits.ts";
import { type ArrivedRow, arrivedRows, type Manner, operand, selections } from "./cell-sql.ts";
import type { D1Connection, JsonValue, Rows, Statement } from "./connection.ts";
import { type Cell, type Row, textCell } from "./row-codec.ts";
import { isBent, jsonCell, rowJson } from "./row-json.ts";
import { quoted, type Table } from "./schema.ts";

/** As much as may be asked for at once; TEXT in hex, so that nothing is doubtful. */
const EXACT: Manner = { cell_bytes: D1_CELL_BYTES_MAX, text_in_hex: true };

/** The cells of a row's key, in the order of `Table.key`. */
export function keyOf({ columns, key }: Table, row: Row): Cell[] {
  return key.map((name) => row[columns.findIndex((column) => column.name === name)] ?? null);
}

/**
 * The rows with these keys, each at the place of its key; null where there is none. Up to `D1_KEYS_PER_READ` keys are one transaction,
 * unless rows are too long for that.
 * @throws OpsError in D1's words.
 */
export async function readByKeys(
  connection: D1Connection,
  table: Table,
  keys: readonly (readonly Cell[])[],
): Promise<(Row | null)[]> {
  const found: (Row | null)[] = [];
  const manner = { cell_bytes: Math.floor(D1_PAGE_BYTES / D1_KEYS_PER_READ) * 8, text_in_hex: false };
  for (let from = 0; from < keys.length; from += D1_KEYS_PER_READ) {
    const part = keys.slice(from, from + D1_KEYS_PER_READ);
    const answers = await connection.batch(selections(table, manner, byKeys(table, part)), { repeatable: true });
    found.push(...(await completed(connection, table, arrivedRows(table, manner, answers))));
  }
  return found;
}

/**
 * As `readByKeys`, of several tables at once: one request, and others for rows that are too long or doubtful. All keys together are
 * `D1_CHANGES_PER_READ` at most.
 */
export async function readTablesByKeys(
  connection: D1Connection,
  wanted: readonly { table: Table; keys: readonly (readonly Cell[])[] }[],
): Promise<(Row | null)[][]> {
  if (wanted.length === 0) return [];
  const statements = wanted.map(({ table, keys }) => selections(table, OF_MANY, byKeys(table, keys)));
  const answers = await connection.batch(statements.flat(), { repeatable: true });
  const found: (Row | null)[][] = [];
  for (const [at, { table }] of wanted.entries()) {
    const own = answers.splice(0, statements[at]?.length);
    found.push(await completed(connection, table, arrivedRows(table, OF_MANY, own)));
  }
  return found;
}

/** So many rows in one answer. */
const OF_MANY: Manner = { cell_bytes: Math.floor((4 * D1_PAGE_BYTES) / D1_CHANGES_PER_READ), text_in_hex: false };

/** Rows that arrived, with what was left out or doubtful read again; null for those that are not there (any more). */
export async function completed(
  connection: D1Connection,
  table: Table,
  arrived: readonly ArrivedRow[],
): Promise<(Row | null)[]> {
  const rows: (Row | null)[] = arrived.map(({ cells }) => (isThere(table, cells) ? cells : null));
  const again = arrived.flatMap(({ omitted, is_doubtful, bytes }, index) =>
    omitted.length > 0 || is_doubtful ? [{ index, bytes, key: keyOf(table, arrived[index]?.cells ?? []) }] : [],
  );
  for (const group of grouped(again)) {
    const keys = group.map(({ key }) => key);
    const [only] = keys;
    const exact =
      group.length === 1 && only !== undefined
        ? [await readLongRow(connection, table, only)]
        : arrivedRows(
            table,
            EXACT,
            await connection.batch(selections(table, EXACT, byKeys(table, keys)), { repeatable: true }),
          ).map(({ cells }) => (isThere(table, cells) ? cells : null));
    for (const [place, { index }] of group.entries()) rows[index] = exact[place] ?? null;
  }
  return rows;
}

/** A key is never NULL: an outer join that found nothing is. */
function isThere(table: Table, cells: readonly Cell[]): boolean {
  return keyOf(table, cells)[0] !== null;
}

/** Rows that are read together; one above the limit of a cell is alone. */
function grouped<T extends { bytes: number }>(rows: readonly T[]): T[][] {
  const groups: T[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const row of rows) {
    const last = groups.at(-1);
    const isLong = row.bytes > D1_CELL_BYTES_MAX;
    if (last === undefined || isLong || bytes + row.bytes > D1_PAGE_BYTES / 2 || last.length >= D1_KEYS_PER_READ) {
      groups.push([row]);
      bytes = isLong ? Number.POSITIVE_INFINITY : row.bytes;
    } else {
      last.push(row);
      bytes += row.bytes;
    }
  }
  return groups;
}

/** What follows a select list over `t`, a row of the table for each key and in the order of keys; all NULL where there is none. */
export function byKeys(table: Table, keys: readonly (readonly Cell[])[]): Statement {
  const match = table.key.map(
    (name, place) =>
      `t.${quoted(name)} = (${jsonCell(
        "k.value",
        place,
        keys.some((key) => isBent(key[place])),
      )})`,
  );
  const sql = `FROM json_each(?1) k LEFT JOIN ${quoted(table.name)} t ON ${match.join(" AND ")} ORDER BY k.key`;
  return { sql, params: [`[${keys.map(rowJson).join(",")}]`] };
}

const SLICES = Math.ceil((D1_VALUE_BYTES_MAX * 1.1) / D1_CELL_BYTES_MAX);

/** One row in one transaction, its long cells in slices that stay below D1's largest value in hex. */
async function readLongRow(connection: D1Connection, table: Table, key: readonly Cell[]): Promise<Row | null> {
  const params: JsonValue[] = [];
  const match = table.key.map((name, place) => `t.${quoted(name)} = ${operand(key[place] ?? null, params)}`);
  const rest = { sql: `FROM ${quoted(table.name)} t WHERE ${match.join(" AND ")}`, params };
  const short = selections(table, EXACT, rest);
  const answers = await connection.batch([...short, ...slices(table, rest)], { repeatable: true });
  const [row] = arrivedRows(table, EXACT, answers.slice(0, short.length));
  if (row === undefined) return null;
  const sliced = answers.slice(short.length).flatMap(({ rows }: Rows) => rows[0] ?? []);
  for (const { place, is_text } of row.omitted) {
    const bytes = Buffer.from(sliced.slice(place * SLICES, (place + 1) * SLICES).join(""), "hex");
    row.cells[place] = is_text ? textCell(bytes) : bytes;
  }
  return row.cells;
}

function slices({ columns }: Table, rest: Statement): Statement[] {
  const perStatement = Math.floor(D1_COLUMNS_PER_RESULT / SLICES);
  const statements: Statement[] = [];
  for (const part of portions(columns, perStatement)) {
    const list = part.flatMap(({ name }) => {
      const cell = `t.${quoted(name)}`;
      return Array.from({ length: SLICES }, (_, slice) => {
        const start = slice * D1_CELL_BYTES_MAX + 1;
        return `CASE WHEN octet_length(${cell}) > ${D1_CELL_BYTES_MAX} THEN hex(substr(CAST(${cell} AS BLOB), ${start}, ${D1_CELL_BYTES_MAX})) END`;
      });
    });
    statements.push({ ...rest, sql: `SELECT ${list.join(", ")} ${rest.sql}` });
  }
  return statements;
}
