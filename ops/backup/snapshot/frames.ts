/**
 * Bytes of the parts that hold rows. Pure.
 *
 * Base part: for each row its length (u32, little-endian) and its bytes, in key order. Layer part: for each changed key the
 * key's length and bytes, then the row's length and bytes, or 0xffffffff for a row that is gone; in key order, too.
 * Rows and keys are in the encoding of `ops/d1/row-codec.ts`.
 */
const LENGTH_BYTES = 4;
const GONE = 0xffff_ffff;

export interface Change {
  key: Buffer;
  /** Null: the row is gone. */
  row: Buffer | null;
}

export function encodeRows(rows: readonly Uint8Array[]): Buffer {
  return Buffer.concat(rows.flatMap((row) => [length(row.length), row]));
}

export function encodeChanges(changes: readonly Change[]): Buffer {
  return Buffer.concat(
    changes.flatMap(({ key, row }) => [length(key.length), key, length(row?.length ?? GONE), ...(row ? [row] : [])]),
  );
}

/** @throws RangeError when the bytes end inside a row. */
export function* decodeRows(part: Uint8Array): Generator<Buffer> {
  const cursor = new Cursor(part);
  while (!cursor.done) yield cursor.bytes(cursor.length());
}

/** @throws RangeError when the bytes end inside a change. */
export function* decodeChanges(part: Uint8Array): Generator<Change> {
  const cursor = new Cursor(part);
  while (!cursor.done) {
    const key = cursor.bytes(cursor.length());
    const row_bytes = cursor.length();
    yield { key, row: row_bytes === GONE ? null : cursor.bytes(row_bytes) };
  }
}

function length(bytes: number): Buffer {
  const field = Buffer.allocUnsafe(LENGTH_BYTES);
  field.writeUInt32LE(bytes);
  return field;
}

class Cursor {
  readonly #part: Buffer;
  #at = 0;

  constructor(part: Uint8Array) {
    this.#part = Buffer.from(part.buffer, part.byteOffset, part.length);
  }

  get done(): boolean {
    return this.#at === this.#part.length;
  }

  length(): number {
    const value = this.#part.readUInt32LE(this.#at);
    this.#at += LENGTH_BYTES;
    return value;
  }

  bytes(count: number): Buffer {
    const end = this.#at + count;
    if (end > this.#part.length) throw new RangeError(`a part ends after ${this.#part.length} bytes, inside a row`);
    const slice = this.#part.subarray(this.#at, end);
    this.#at = end;
    return slice;
  }
}
