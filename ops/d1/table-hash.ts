/**
 * The content of a table as a number of rows and a hash: equal contents, equal hashes, wherever they are kept.
 *
 * The hash is the sum of the SHA-256 of every row's canonical bytes, modulo 2^256. It does not depend on order, for collations and
 * descending keys make the order of a table SQLite's own affair, and it can follow changes: a row that goes is subtracted. A sum is
 * weaker than a hash of everything against someone who chooses rows at will; backups are authenticated by other means, this finds faults.
 */
import type { D1Connection } from "./connection.ts";
import { readRows } from "./read-rows.ts";
import { encodeRow, hashRow } from "./row-codec.ts";
import type { Table } from "./schema.ts";

const MODULUS_BITS = 256;

export class TableHash {
  #count = 0;
  #sum = 0n;

  get count(): number {
    return this.#count;
  }

  /** `encoded` are canonical bytes of a row. */
  add(encoded: Uint8Array): void {
    this.#count += 1;
    this.#shift(asNumber(encoded));
  }

  /** A row that was added before goes. */
  remove(encoded: Uint8Array): void {
    this.#count -= 1;
    this.#shift(-asNumber(encoded));
  }

  /** 64 hexadecimal digits. */
  digest(): string {
    return this.#sum.toString(16).padStart(MODULUS_BITS / 4, "0");
  }

  #shift(by: bigint): void {
    this.#sum = BigInt.asUintN(MODULUS_BITS, this.#sum + by);
  }
}

/** Reads the whole table and hashes it. @throws OpsError in D1's words. */
export async function hashTable(connection: D1Connection, table: Table): Promise<TableHash> {
  const hash = new TableHash();
  for await (const page of readRows(connection, table)) for (const row of page) hash.add(encodeRow(row));
  return hash;
}

function asNumber(encoded: Uint8Array): bigint {
  return BigInt(`0x${hashRow(encoded).toString("hex")}`);
}
