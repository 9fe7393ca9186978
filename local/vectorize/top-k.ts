/** The k rows with the highest keys, in a heap of fixed size whose root is the worst row kept. */
export class TopK {
  readonly #keys: Float64Array;
  readonly #rows: Int32Array;
  #size = 0;
  /** Keys at or below this are not kept. */
  threshold = Number.NEGATIVE_INFINITY;

  constructor(k: number) {
    this.#keys = new Float64Array(k);
    this.#rows = new Int32Array(k);
  }

  /** Call only with a key above `threshold`. */
  add(key: number, row: number): void {
    const keys = this.#keys;
    if (this.#size < keys.length) {
      let at = this.#size++;
      while (at > 0) {
        const parent = (at - 1) >> 1;
        if ((keys[parent] ?? 0) <= key) break;
        this.#move(parent, at);
        at = parent;
      }
      this.#put(at, key, row);
    } else {
      let at = 0;
      for (let child = 1; child < keys.length; child = 2 * at + 1) {
        if (child + 1 < keys.length && (keys[child + 1] ?? 0) < (keys[child] ?? 0)) child += 1;
        if ((keys[child] ?? 0) >= key) break;
        this.#move(child, at);
        at = child;
      }
      this.#put(at, key, row);
    }
    if (this.#size === keys.length) this.threshold = keys[0] ?? Number.POSITIVE_INFINITY;
  }

  /** The rows kept, in no order. */
  rows(): Int32Array {
    return this.#rows.subarray(0, this.#size);
  }

  #move(from: number, to: number): void {
    this.#put(to, this.#keys[from] ?? 0, this.#rows[from] ?? 0);
  }

  #put(at: number, key: number, row: number): void {
    this.#keys[at] = key;
    this.#rows[at] = row;
  }
}
