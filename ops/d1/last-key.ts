/** Where an interrupted copy of a table goes on. */
import type { D1Connection } from "./connection.ts";
import { queryRows } from "./query.ts";
import type { Cell } from "./row-codec.ts";
import { quoted, type Table } from "./schema.ts";

/**
 * Key of the last row of a table that is written in the order of its key. Undefined for an empty table, and where that key is of a type other
 * than the usual ones or may have been bent on its way here: then all rows are written again.
 */
export async function lastKey(connection: D1Connection, table: Table): Promise<readonly Cell[] | undefined> {
  const key = table.key.map(quoted);
  const typed = key.map((name) => `typeof(${name}), CAST(${name} AS TEXT)`).join(", ");
  const descending = key.map((name) => `${name} DESC`).join(", ");
  const sql = `SELECT ${typed} FROM ${quoted(table.name)} ORDER BY ${descending} LIMIT 1`;
  const [row] = await queryRows(connection, sql);
  if (row === undefined) return undefined;
  const cells: Cell[] = [];
  for (let place = 0; place < row.length; place += 2) {
    const [type, text] = [row[place], String(row[place + 1])];
    if (type === "integer") cells.push(BigInt(text));
    else if (type === "text" && /^[\x20-\x7e]*$/.test(text)) cells.push(text);
    else return undefined;
  }
  return cells;
}
