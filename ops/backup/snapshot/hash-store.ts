/**
 * The row hashes of one table while a snapshot is made: those of the snapshot before, and those of this one, which only go to
 * a temporary file until they are asked for. However many rows there are, memory holds one part.
 */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ROW_HASHES_PER_PART } from "../../limits.ts";
import type { Snapshot, SnapshotWriter } from "../repository/repository.ts";
import { PartStream } from "./part-stream.ts";
import { readAhead } from "./read-ahead.ts";
import { findRowHashes, type KeyHash, RowHashes } from "./row-hashes.ts";

export class HashStore {
  readonly #base: { snapshot: Snapshot; parts: readonly string[] } | null;
  readonly #stream: PartStream;
  readonly #file: (number: number) => string;
  readonly #rows = new RowHashes(ROW_HASHES_PER_PART);
  #files = 0;

  /** `base`: the parts of the snapshot before that still hold. `folder`: a temporary one; `name` must be unique in it. */
  constructor(
    writer: SnapshotWriter,
    base: { snapshot: Snapshot; parts: readonly string[] } | null,
    scratch: { folder: string; name: string },
  ) {
    this.#base = base;
    this.#stream = new PartStream(writer, ROW_HASHES_KIND);
    this.#file = (number) => join(scratch.folder, `${scratch.name}-${number}`);
  }

  /** `row_hash` null: the row is gone. */
  async add(key_hash: Buffer, row_hash: Buffer | null): Promise<void> {
    this.#rows.add(key_hash, row_hash);
    if (this.#rows.full) await this.flush();
  }

  /** Ends the part under way. */
  async flush(): Promise<void> {
    const part = this.#rows.take();
    if (part.length === 0) return;
    await writeFile(this.#file(this.#files), part, { mode: 0o600 });
    this.#files += 1;
    await this.#stream.put(part);
  }

  /** The latest hash of each wanted row that is there. */
  async find(wanted: ReadonlySet<KeyHash>): Promise<Map<KeyHash, Buffer>> {
    await this.flush();
    return findRowHashes(this.#parts(), wanted);
  }

  /** Ids of the parts, those of the base first. */
  async ids(): Promise<string[]> {
    await this.flush();
    return [...(this.#base?.parts ?? []), ...(await this.#stream.ids())];
  }

  async *#parts(): AsyncGenerator<Uint8Array> {
    if (this.#base) yield* readAhead(this.#base.snapshot, this.#base.parts);
    for (let number = 0; number < this.#files; number++) yield await readFile(this.#file(number));
  }
}

/** Kind of these parts: a machine that can only write must be able to read them back. */
const ROW_HASHES_KIND = "shared-row-hashes";
