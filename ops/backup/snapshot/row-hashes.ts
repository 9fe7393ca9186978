/**
 * Which hash the row under each key had: what lets an incremental backup keep a table's digest without the old rows.
 *
 * Parts of 48-byte entries: the first 16 bytes of the SHA-256 of the encoded key, then the SHA-256 of the encoded row, zeros
 * for a row that is gone. In no order that matters; later entries override earlier ones. They hold nothing but hashes.
 */
import { hashRow } from "../../d1/row-codec.ts";

const KEY_HASH_BYTES = 16;
const ROW_HASH_BYTES = 32;
const ENTRY_BYTES = KEY_HASH_BYTES + ROW_HASH_BYTES;
const GONE = Buffer.alloc(ROW_HASH_BYTES);

/** A key's hash in the form that maps are keyed by. */
export type KeyHash = string & { readonly __brand: "KeyHash" };

/** Of an encoded key. */
export function hashKey(encoded_key: Uint8Array): Buffer {
  return hashRow(encoded_key).subarray(0, KEY_HASH_BYTES);
}

export function asKeyHash(hash: Buffer, at = 0): KeyHash {
  return hash.toString("latin1", at, at + KEY_HASH_BYTES) as KeyHash;
}

/** Collects entries into the bytes of a part. */
export class RowHashes {
  readonly #part: Buffer;
  #bytes = 0;

  /** `entries`: how many fit. */
  constructor(entries: number) {
    this.#part = Buffer.allocUnsafe(entries * ENTRY_BYTES);
  }

  get full(): boolean {
    return this.#bytes === this.#part.length;
  }

  /** `row_hash` null: the row is gone. Must not be full. */
  add(key_hash: Buffer, row_hash: Buffer | null): void {
    key_hash.copy(this.#part, this.#bytes);
    (row_hash ?? GONE).copy(this.#part, this.#bytes + KEY_HASH_BYTES);
    this.#bytes += ENTRY_BYTES;
  }

  /** A copy of the part's bytes; the collection is empty afterwards. */
  take(): Buffer {
    const bytes = Buffer.from(this.#part.subarray(0, this.#bytes));
    this.#bytes = 0;
    return bytes;
  }
}

/**
 * The latest row hash of each wanted key that has one. `parts` oldest first.
 * @throws RangeError for bytes that no `RowHashes` made.
 */
export async function findRowHashes(
  parts: AsyncIterable<Uint8Array>,
  wanted: ReadonlySet<KeyHash>,
): Promise<Map<KeyHash, Buffer>> {
  const found = new Map<KeyHash, Buffer>();
  const mayBeWanted = beginningsOf(wanted);
  for await (const bytes of parts) {
    const part = asEntries(bytes);
    for (let at = 0; at < part.length; at += ENTRY_BYTES) {
      if (!mayBeWanted(part[at] ?? 0, part[at + 1] ?? 0, part[at + 2] ?? 0)) continue;
      const key = asKeyHash(part, at);
      if (!wanted.has(key)) continue;
      const row_hash = part.subarray(at + KEY_HASH_BYTES, at + ENTRY_BYTES);
      if (row_hash.equals(GONE)) found.delete(key);
      else found.set(key, Buffer.from(row_hash));
    }
  }
  return found;
}

/** By three bytes that a hash begins with: most entries of a table are not wanted, and a look into an array tells that faster than any set. */
function beginningsOf(wanted: ReadonlySet<KeyHash>): (first: number, second: number, third: number) => boolean {
  const bits = Math.min(24, 8 + Math.ceil(Math.log2(wanted.size + 1)));
  const seen = new Uint8Array(2 ** bits);
  const place = (first: number, second: number, third: number) =>
    ((first << 16) | (second << 8) | third) >> (24 - bits);
  for (const hash of wanted) seen[place(hash.charCodeAt(0), hash.charCodeAt(1), hash.charCodeAt(2))] = 1;
  return (first, second, third) => seen[place(first, second, third)] === 1;
}

/** The keys that a part has entries for. */
export function* keyHashesIn(bytes: Uint8Array): Generator<KeyHash> {
  const part = asEntries(bytes);
  for (let at = 0; at < part.length; at += ENTRY_BYTES) yield asKeyHash(part, at);
}

function asEntries(bytes: Uint8Array): Buffer {
  if (bytes.length % ENTRY_BYTES !== 0) throw new RangeError(`row hashes of ${bytes.length} bytes`);
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}
