/**
 * The content of a table as `TableHash` has it (`ops/d1/table-hash.ts`: the sum of the SHA-256 of its rows, modulo 2^256), carried on from
 * a known value by the hashes of rows that came and went, without the rows.
 */
const LANE_BITS = 64;
const LANE_BYTES = 8;
const LANES = 4;

export class TableDigest {
  #rows: number;
  // Sums of 64-bit pieces, an order of magnitude faster than sums of whole hashes; they may overflow their lane until asked for.
  readonly #lanes: bigint[] = Array.from({ length: LANES }, () => 0n);

  /** Of an empty table, or of one that was known before. `digest`: 64 hex digits. */
  constructor(known?: { rows: number; digest: string }) {
    this.#rows = known?.rows ?? 0;
    this.#lanes[0] = BigInt(`0x${known?.digest ?? "0"}`);
  }

  add(row_hash: Buffer): void {
    this.#rows += 1;
    for (let lane = 0; lane < LANES; lane++) this.#lanes[lane] = (this.#lanes[lane] ?? 0n) + pieceOf(row_hash, lane);
  }

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
