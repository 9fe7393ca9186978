/** Rows of float32 in one growing WebAssembly memory, and their dot products with a query. */
import { type DotKernel, dotKernel } from "./dot-kernel.ts";

const PAGE_BYTES = 65_536;
/** Query, row numbers and results share the first page; the rows start behind it. */
const MATRIX_OFFSET = PAGE_BYTES;
const ROWS_OFFSET = 8192;
/** Row numbers taken by one call of the kernel. */
export const BLOCK_ROWS = 4096;
const OUT_OFFSET = ROWS_OFFSET + BLOCK_ROWS * 4;
const PAGES_MAX = 65_536;

export class Matrix {
  readonly dimensions: number;
  readonly #stride: number;
  readonly #memory = new WebAssembly.Memory({ initial: 2, maximum: PAGES_MAX });
  readonly #dots: DotKernel;
  #floats: Float32Array;

  constructor(dimensions: number) {
    this.dimensions = dimensions;
    this.#stride = Math.ceil(dimensions / 8) * 32;
    this.#dots = dotKernel(this.#memory);
    this.#floats = new Float32Array(this.#memory.buffer);
  }

  /** Overwrites a row; the memory at least doubles when it must grow. */
  write(row: number, values: ArrayLike<number>): void {
    const start = this.#start(row);
    const missing = Math.ceil((start * 4 + this.#stride - this.#floats.byteLength) / PAGE_BYTES);
    if (missing > 0) {
      const pages = this.#floats.byteLength / PAGE_BYTES;
      this.#memory.grow(Math.max(missing, Math.min(pages, PAGES_MAX - pages)));
      this.#floats = new Float32Array(this.#memory.buffer);
    }
    this.#floats.set(values, start);
  }

  /** A view of a row: copy it before the next write. */
  row(row: number): Float32Array {
    const start = this.#start(row);
    return this.#floats.subarray(start, start + this.dimensions);
  }

  /** The query that the next calls of `dots` use. */
  setQuery(query: ArrayLike<number>): void {
    this.#floats.fill(0, 0, this.#stride / 4);
    this.#floats.set(query, 0);
  }

  /** Dot products of at most `BLOCK_ROWS` rows with the query, as a view: read it before the next call. */
  dots(rows: Int32Array): Float32Array {
    new Int32Array(this.#memory.buffer, ROWS_OFFSET, BLOCK_ROWS).set(rows);
    this.#dots(MATRIX_OFFSET, this.#stride, 0, ROWS_OFFSET, rows.length, OUT_OFFSET);
    return new Float32Array(this.#memory.buffer, OUT_OFFSET, rows.length);
  }

  #start(row: number): number {
    return (MATRIX_OFFSET + row * this.#stride) / 4;
  }
}
