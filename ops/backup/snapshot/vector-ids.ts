/** Which chunks have a vector, followed along while rows are copied: what Vectorize must hold, without reading all rows again. */
import type { Cell, Row } from "../../d1/row-codec.ts";
import type { Table } from "../../d1/schema.ts";

const CHUNKS = "chunks";
const BITS = 8;

export class VectorIds {
  readonly #id_at: number;
  readonly #pack_at: number;
  /** A bit for each id: they are given out one after the other and never again. */
  #bits = new Uint8Array(4096);
  #count = 0;

  private constructor(chunks: Table, known: readonly number[]) {
    this.#id_at = chunks.columns.findIndex(({ name }) => name === "id");
    this.#pack_at = chunks.columns.findIndex(({ name }) => name === "pack_id");
    for (const id of idsIn(known)) this.#set(id, true);
  }

  /** Null when the database has no chunks. `known`: as `ranges` gave it for rows that are not read again. */
  static of(tables: readonly Table[], known: readonly number[]): VectorIds | null {
    const chunks = tables.find(({ name }) => name === CHUNKS);
    const ids = chunks && new VectorIds(chunks, known);
    return ids !== undefined && ids.#id_at >= 0 && ids.#pack_at >= 0 ? ids : null;
  }

  get count(): number {
    return this.#count;
  }

  see(table: Table, rows: readonly Row[]): void {
    if (table.name !== CHUNKS) return;
    for (const row of rows) this.#set(Number(row[this.#id_at]), row[this.#pack_at] !== null);
  }

  /** The row under this key is gone. */
  forget(table: Table, key: readonly Cell[]): void {
    if (table.name === CHUNKS) this.#set(Number(key[0]), false);
  }

  has(id: number): boolean {
    return ((this.#bits[Math.floor(id / BITS)] ?? 0) & (1 << (id % BITS))) !== 0;
  }

  /** Runs of ids: how many are left out, how many follow, and so on. */
  ranges(): number[] {
    const ranges: number[] = [];
    let next = 0;
    let open = false;
    for (let id = 0; id <= this.#bits.length * BITS; id++) {
      if (this.has(id) === open) continue;
      ranges.push(id - next);
      next = id;
      open = !open;
    }
    return ranges;
  }

  ids(): Generator<number> {
    return idsIn(this.ranges());
  }

  #set(id: number, value: boolean): void {
    if (this.has(id) === value) return;
    const place = Math.floor(id / BITS);
    if (place >= this.#bits.length) {
      const grown = new Uint8Array(Math.max(place + 1, this.#bits.length * 2));
      grown.set(this.#bits);
      this.#bits = grown;
    }
    this.#bits[place] = (this.#bits[place] ?? 0) ^ (1 << (id % BITS));
    this.#count += value ? 1 : -1;
  }
}

function* idsIn(ranges: readonly number[]): Generator<number> {
  let id = 0;
  for (const [index, length] of ranges.entries()) {
    if (index % 2 === 1) for (let after = 0; after < length; after++) yield id + after;
    id += length;
  }
}
