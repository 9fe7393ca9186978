/** Parts that are put one after the other while the next ones are being made: a few under way, their ids in order. */
import { PARTS_UNDER_WAY } from "../../limits.ts";
import type { PartRef, SnapshotWriter } from "../repository/repository.ts";

export class PartStream {
  readonly #writer: SnapshotWriter;
  readonly #kind: string;
  readonly #puts: Promise<PartRef>[] = [];
  #settled = 0;
  #bytes = 0;

  constructor(writer: SnapshotWriter, kind: string) {
    this.#writer = writer;
    this.#kind = kind;
  }

  /** Plain bytes put so far. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Returns once only a few parts are under way. @throws what an earlier part failed with. */
  async put(bytes: Uint8Array): Promise<void> {
    const put = this.#writer.putPart(this.#kind, bytes);
    // Awaited later; until then a failure must not end the process.
    put.catch(() => {});
    this.#puts.push(put);
    this.#bytes += bytes.length;
    if (this.#puts.length - this.#settled > PARTS_UNDER_WAY) {
      await this.#puts[this.#settled];
      this.#settled += 1;
    }
  }

  /** The ids of all parts, in the order in which they were put. */
  async ids(): Promise<string[]> {
    return (await Promise.all(this.#puts)).map(({ id }) => id);
  }
}
