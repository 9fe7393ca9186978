/**
 * Rows as exact values, and as the one sequence of bytes that stands for them in parts of a backup and in hashes.
 *
 * Canonical encoding, all numbers big-endian: a row is its number of cells (u16) and then the cells; a cell is a tag (u8) and its payload:
 *
 * | tag | SQLite's type | payload |
 * |---|---|---|
 * | 0 | NULL | none |
 * | 1 | INTEGER | 8 bytes, two's complement |
 * | 2 | REAL | 8 bytes, IEEE 754 binary64 |
 * | 3 | TEXT | length in bytes (u32), bytes as stored: UTF-8, but SQLite does not insist |
 * | 4 | BLOB | length in bytes (u32), bytes |
 *
 * Equal rows have equal bytes and different rows different ones. Pure: no I/O.
 */
import { hash } from "node:crypto";
import type { SqlValue } from "./connection.ts";

/** TEXT that is not UTF-8. SQLite stores any bytes as TEXT; a JavaScript string cannot hold them. */
export class MalformedText {
  readonly bytes: Uint8Array;
  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }
}

/** bigint = INTEGER, number = REAL, string = TEXT, Uint8Array = BLOB. */
export type Cell = SqlValue | MalformedText;
/** Cells in the order of `Table.columns`. */
export type Row = readonly Cell[];

const TAG = { null: 0, integer: 1, real: 2, text: 3, blob: 4 } as const;
const TAG_BYTES = 1;
const NUMBER_BYTES = 8;
const LENGTH_BYTES = 4;
const COUNT_BYTES = 2;

const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The bytes of a TEXT as a cell. */
export function textCell(bytes: Uint8Array): string | MalformedText {
  try {
    return strictUtf8.decode(bytes);
  } catch {
    return new MalformedText(bytes);
  }
}

/** A row's canonical bytes. Lone surrogates become U+FFFD, as in every conversion to UTF-8. */
export function encodeRow(row: Row): Buffer {
  const lengths = row.map(payloadBytes);
  const out = Buffer.allocUnsafe(lengths.reduce((sum, length) => sum + TAG_BYTES + length, COUNT_BYTES));
  let at = out.writeUInt16BE(row.length, 0);
  for (let place = 0; place < row.length; place++) {
    const cell = row[place] ?? null;
    const length = lengths[place] ?? 0;
    if (cell === null) out[at] = TAG.null;
    else if (typeof cell === "bigint") {
      out[at] = TAG.integer;
      out.writeBigInt64BE(cell, at + TAG_BYTES);
    } else if (typeof cell === "number") {
      out[at] = TAG.real;
      out.writeDoubleBE(cell, at + TAG_BYTES);
    } else {
      out[at] = typeof cell === "string" || cell instanceof MalformedText ? TAG.text : TAG.blob;
      const start = out.writeUInt32BE(length - LENGTH_BYTES, at + TAG_BYTES);
      if (typeof cell === "string") out.write(cell, start);
      else out.set(cell instanceof MalformedText ? cell.bytes : cell, start);
    }
    at += TAG_BYTES + length;
  }
  return out;
}

function payloadBytes(cell: Cell): number {
  if (cell === null) return 0;
  if (typeof cell === "bigint" || typeof cell === "number") return NUMBER_BYTES;
  if (typeof cell === "string") return LENGTH_BYTES + Buffer.byteLength(cell);
  return LENGTH_BYTES + (cell instanceof MalformedText ? cell.bytes : cell).length;
}

/**
 * The row that begins at `offset`, and where the next one would begin.
 * @throws RangeError when the bytes are no row: cut off, or with an unknown tag.
 */
export function decodeRow(bytes: Buffer, offset = 0): { row: Cell[]; next: number } {
  const count = bytes.readUInt16BE(offset);
  const row: Cell[] = [];
  let at = offset + COUNT_BYTES;
  while (row.length < count) {
    const tag = bytes.readUInt8(at);
    at += TAG_BYTES;
    if (tag === TAG.null) row.push(null);
    else if (tag === TAG.integer || tag === TAG.real) {
      row.push(tag === TAG.integer ? bytes.readBigInt64BE(at) : bytes.readDoubleBE(at));
      at += NUMBER_BYTES;
    } else if (tag === TAG.text || tag === TAG.blob) {
      const start = at + LENGTH_BYTES;
      at = start + bytes.readUInt32BE(at);
      if (at > bytes.length) throw new RangeError(`a row is cut off: a cell ends at byte ${at} of ${bytes.length}`);
      const payload = bytes.subarray(start, at);
      row.push(tag === TAG.text ? textCell(payload) : payload);
    } else throw new RangeError(`no row at byte ${offset}: unknown tag ${tag} at byte ${at - TAG_BYTES}`);
  }
  return { row, next: at };
}

/** SHA-256 of a row's canonical bytes, 32 bytes. */
export function hashRow(encoded: Uint8Array): Buffer {
  return hash("sha256", encoded, "buffer");
}
