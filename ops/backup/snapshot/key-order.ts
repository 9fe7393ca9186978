/** The order in which SQLite walks a key, for merging what was written at different times. Pure. */
import { type Cell, MalformedText } from "../../d1/row-codec.ts";

/**
 * Negative, 0 or positive as `a` comes before, is or follows `b`: NULL, numbers, text by its UTF-8 bytes, blobs
 * (https://sqlite.org/datatype3.html, "Sort Order", collation BINARY). Keys with another collation come in another order:
 * whoever writes rows checks, and does not rely on the order of a table that breaks it.
 */
export function compareKeys(a: readonly Cell[], b: readonly Cell[]): number {
  for (let index = 0; index < a.length; index++) {
    const order = compareValues(a[index] ?? null, b[index] ?? null);
    if (order !== 0) return order;
  }
  return 0;
}

function compareValues(a: Cell, b: Cell): number {
  const rank = rankOf(a) - rankOf(b);
  if (rank !== 0) return rank;
  if (typeof a === "string" && typeof b === "string") return compareText(a, b);
  if (isBytes(a) || isBytes(b)) return Buffer.compare(bytesOf(a), bytesOf(b));
  // JavaScript compares a bigint with a number exactly, as SQLite does.
  if (a === b || a === null || b === null) return 0;
  return a < b ? -1 : a > b ? 1 : 0;
}

function rankOf(value: Cell): number {
  if (value === null) return 0;
  if (typeof value === "string" || value instanceof MalformedText) return 2;
  return value instanceof Uint8Array ? 3 : 1;
}

function isBytes(cell: Cell): cell is Uint8Array | MalformedText {
  return typeof cell === "object" && cell !== null;
}

/** Of cells of one rank, so that what is no bytes is text. */
function bytesOf(cell: Cell): Uint8Array {
  if (cell instanceof MalformedText) return cell.bytes;
  return cell instanceof Uint8Array ? cell : Buffer.from(String(cell));
}

/** UTF-16 order, which JavaScript has, differs from UTF-8 order only where surrogates meet U+E000 and above. */
function compareText(a: string, b: string): number {
  if (a === b) return 0;
  if (ABOVE_SURROGATES.test(a) || ABOVE_SURROGATES.test(b)) return Buffer.compare(Buffer.from(a), Buffer.from(b));
  return a < b ? -1 : 1;
}
const ABOVE_SURROGATES = /[\ud800-\uffff]/;
