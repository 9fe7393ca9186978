/** Rows as lines of JSON for people and other tools. Numbers keep SQLite's type and all their digits. Pure. */
import { type Cell, MalformedText, type Row } from "../../d1/row-codec.ts";

/**
 * `{"column": value, …}`. An INTEGER has no point, a REAL has one or an exponent; a BLOB is `{"hex": …}`, TEXT that is not UTF-8
 * `{"text_hex": …}`, infinity `{"real": "Infinity"}`.
 */
export function jsonLine(columns: readonly string[], row: Row): string {
  const fields = columns.map((name, place) => `${JSON.stringify(name)}:${jsonOf(row[place] ?? null)}`);
  return `{${fields.join(",")}}\n`;
}

function jsonOf(cell: Cell): string {
  if (cell === null) return "null";
  if (typeof cell === "bigint") return String(cell);
  if (typeof cell === "string") return JSON.stringify(cell.toWellFormed());
  if (typeof cell === "number") {
    if (!Number.isFinite(cell)) return `{"real":"${cell}"}`;
    const text = Object.is(cell, -0) ? "-0" : String(cell);
    return /[.e]/.test(text) ? text : `${text}.0`;
  }
  if (cell instanceof MalformedText) return `{"text_hex":"${Buffer.from(cell.bytes).toString("hex")}"}`;
  return `{"hex":"${Buffer.from(cell).toString("hex")}"}`;
}
