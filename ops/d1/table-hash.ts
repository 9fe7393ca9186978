/**
 * The content of a table as a number of rows and a hash: equal contents, equal hashes, wherever they are kept.
 *
 * The hash is the sum of the SHA-256 of every row's canonical bytes, modulo 2^256. It does not depend on order, for collations and
 * descending keys make the order of a table SQLite's own affair, and it can follow changes: a row that goes is subtracted, without the rows
 * that stay. A sum is weaker than a hash of everything against someone who chooses rows at will; backups are authenticated by other
 * means, this finds faults.
 */
import type { D1Connection } from "./connection.ts";
import { readRows } from "./read-rows.ts";
import { encodeRow, hashRow } from "./row-codec.ts";
import type { Table } from "./schema.ts";

const LANE_BITS = 64;
const LANE_BYTES = 8;
const LANES = 4;

export class TableHash {
  #rows: number;
  // Sums of 64-bit pieces, an order of magnitude faster than sums of whole hashes; they may overflow their lane until asked for.
  readonly #lanes: bigint[] = Array.from({ length: LANES }, () => 0n);

  /** Of an empty table, or of one that was known before. `digest`: 64 hex digits. */
  constructor(known?: { rows: number; digest: string }) {
    this.#rows = known?.rows ?? 0;
    this.#lanes[0] = BigInt(`0x${known?.digest ?? "0"}`);
  }

  /** `row_hash`: of a row's canonical bytes (`hashRow`). */
  add(row_hash: Buffer): void {
    this.#rows += 1;
    for (let lane = 0; lane < LANES; lane++) this.#lanes[lane] = (this.#lanes[lane] ?? 0n) + pieceOf(row_hash, lane);
  }

  /** A row that was added before goes. */
  remove(row_hash: Buffer): void {
    this.#rows -= 1;
    for (let lane = 0; lane < LANES; lane++) this.#lanes[lane] = (this.#lanes[lane] ?? 0n) - pieceOf(row_hash, lane);
  }

  get rows(): number {
    return this.#rows;
  }

  /** 64 hex digits. */
  get digest(): string {
    const sum = this.#lanes.reduce((total, piece, lane) => total + (piece << BigInt(lane * LANE_BITS)), 0n);
    return BigInt.asUintN(LANES * LANE_BITS, sum)
      .toString(16)
      .padStart((LANES * LANE_BITS) / 4, "0");
  }
}

/** Lane 0 is the least significant: the hash is a big-endian number. */
function pieceOf(row_hash: Buffer, lane: number): bigint {
  return row_hash.readBigUInt64BE((LANES - 1 - lane) * LANE_BYTES);
}

/** Reads the whole table and hashes it. @throws OpsError in D1's words. */
export async function hashTable(connection: D1Connection, table: Table): Promise<TableHash> {
  const hash = new TableHash();
  for await (const page of readRows(connection, table)) for (const row of page) hash.add(hashRow(encodeRow(row)));
  return hash;
}
