/**
 * Cuts a table's rows into parts where their keys say so, not where a counter does: after an insert or a delete the cuts
 * further on are the same, so a second full copy finds most parts in the repository already. Pure.
 */
import { ROWS_PART_BYTES_MAX, ROWS_PART_BYTES_MEAN, ROWS_PART_BYTES_MIN } from "../../limits.ts";
import { encodeRows } from "./frames.ts";

const HASH_RANGE = 2 ** 32;
const ROWS_ENCODED_AT_ONCE = 64;

export class RowCutter {
  /** Rows that are not encoded yet: few, for small buffers cost more than their bytes. */
  #rows: Uint8Array[] = [];
  #pieces: Buffer[] = [];
  #bytes = 0;

  /** Adds a row; returns the part that it completes, if it does. `key_hash` decides, the row's length weighs. */
  add(row: Uint8Array, key_hash: Buffer): Buffer | null {
    const before = this.#bytes + row.length > ROWS_PART_BYTES_MAX ? this.rest() : null;
    this.#rows.push(row);
    this.#bytes += row.length;
    if (this.#rows.length === ROWS_ENCODED_AT_ONCE) this.#encode();
    if (before !== null) return before;
    const odds = row.length / (ROWS_PART_BYTES_MEAN - ROWS_PART_BYTES_MIN);
    const isCut = this.#bytes >= ROWS_PART_BYTES_MIN && key_hash.readUInt32BE(0) < odds * HASH_RANGE;
    return isCut ? this.rest() : null;
  }

  /** What was added since the last part; null when that is nothing. */
  rest(): Buffer | null {
    this.#encode();
    if (this.#pieces.length === 0) return null;
    const part = Buffer.concat(this.#pieces);
    this.#pieces = [];
    this.#bytes = 0;
    return part;
  }

  #encode(): void {
    if (this.#rows.length > 0) this.#pieces.push(encodeRows(this.#rows));
    this.#rows = [];
  }
}
