/** Lets as many bytes through at the same time as memory should hold. First come, first served. */
export class ByteGate {
  #free: number;
  readonly #waiting: { bytes: number; go: () => void }[] = [];

  constructor(bytes_max: number) {
    this.#free = bytes_max;
  }

  /** Runs `work` when there is room for `bytes`, which is at most the whole gate. */
  async pass<T>(bytes: number, work: () => Promise<T>): Promise<T> {
    if (this.#waiting.length > 0 || bytes > this.#free) {
      await new Promise<void>((go) => this.#waiting.push({ bytes, go }));
    } else this.#free -= bytes;
    try {
      return await work();
    } finally {
      this.#free += bytes;
      for (let next = this.#waiting[0]; next && next.bytes <= this.#free; next = this.#waiting[0]) {
        this.#waiting.shift();
        this.#free -= next.bytes;
        next.go();
      }
    }
  }
}
