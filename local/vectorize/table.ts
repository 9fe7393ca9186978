/**
 * The vectors of one index in memory, and the flat scan over them.
 *
 * Rows are ranked by dot product and norm alone; those that win get the score of the index's metric. Rows never move:
 * a deleted row is reused by the next new vector.
 */
import { TopK } from "./top-k.ts";
import type { IndexConfig, Indexed } from "./types.ts";

/** Int32 row numbers that grow by doubling. */
class RowList {
  #rows = new Int32Array(16);
  length = 0;

  push(row: number): void {
    if (this.length === this.#rows.length) {
      const grown = new Int32Array(this.length * 2);
      grown.set(this.#rows);
      this.#rows = grown;
    }
    this.#rows[this.length++] = row;
  }

  /** Fills the gap with the last row and returns that row. */
  removeAt(position: number): number {
    const last = this.#rows[--this.length] ?? 0;
    this.#rows[position] = last;
    return last;
  }

  view(): Int32Array {
    return this.#rows.subarray(0, this.length);
  }
}

interface Row {
  id: string;
  namespace: string | null;
  indexed: Indexed;
  values: Float32Array;
  /** 1 / |v| for cosine, |v|² for euclidean, 0 for dot-product. */
  norm: number;
  /** Where the row stands in its namespace's list. */
  position: number;
}

interface ScoredRow {
  id: string;
  namespace: string | null;
  indexed: Indexed;
  score: number;
  row: number;
}

export class VectorTable {
  readonly #config: IndexConfig;
  readonly #rows: Row[] = [];
  readonly #row_of = new Map<string, number>();
  readonly #namespaces = new Map<string | null, RowList>();
  readonly #free: number[] = [];

  constructor(config: IndexConfig) {
    this.#config = config;
  }

  get size(): number {
    return this.#row_of.size;
  }

  has(id: string): boolean {
    return this.#row_of.has(id);
  }

  /** Adds or replaces; keeps `values`, not a copy of it. */
  set(id: string, namespace: string | null, values: Float32Array, indexed: Indexed): void {
    this.delete(id);
    const row = this.#free.pop() ?? this.#rows.length;
    const list = this.#namespaces.get(namespace) ?? new RowList();
    this.#namespaces.set(namespace, list);
    this.#rows[row] = { id, namespace, indexed, values, norm: this.#norm(values), position: list.length };
    list.push(row);
    this.#row_of.set(id, row);
  }

  delete(id: string): void {
    const number = this.#row_of.get(id);
    const row = number === undefined ? undefined : this.#rows[number];
    if (number === undefined || row === undefined) return;
    const list = this.#namespaces.get(row.namespace);
    const moved = this.#rows[list?.removeAt(row.position) ?? number];
    if (moved) moved.position = row.position;
    if (list?.length === 0) this.#namespaces.delete(row.namespace);
    this.#row_of.delete(id);
    this.#free.push(number);
  }

  /** A copy of a vector's values. */
  values(id: string): number[] | undefined {
    const row = this.#rows[this.#row_of.get(id) ?? -1];
    return row && Array.from(row.values);
  }

  namespace(id: string): string | null {
    return this.#rows[this.#row_of.get(id) ?? -1]?.namespace ?? null;
  }

  /** Forgets what a metadata index held. */
  dropIndexed(property: string): void {
    for (const row of this.#rows) {
      const { [property]: _, ...rest } = row.indexed;
      row.indexed = rest;
    }
  }

  /** The best `top_k` vectors in a namespace (all when undefined) that pass, best first. */
  search(
    query: Float32Array,
    top_k: number,
    namespace: string | undefined,
    passes: ((indexed: Indexed) => boolean) | undefined,
  ): ScoredRow[] {
    const best = new TopK(top_k);
    const lists = namespace === undefined ? this.#namespaces.values() : [this.#namespaces.get(namespace)];
    for (const list of lists) {
      if (!list) continue;
      for (const number of list.view()) {
        const row = this.#rows[number];
        if (!row || (passes && !passes(row.indexed))) continue;
        const key = this.#key(dot(query, row.values), row.norm);
        if (key > best.threshold) best.add(key, number);
      }
    }
    const query_norm = Math.sqrt(dot(query, query));
    const scored = Array.from(best.rows(), (row): ScoredRow => {
      const { id, namespace: owner, indexed, values } = this.#rows[row] as Row;
      return { id, namespace: owner, indexed, row, score: this.#score(query, query_norm, values) };
    });
    const direction = this.#config.metric === "cosine" ? -1 : 1;
    return scored.sort((a, b) => direction * (a.score - b.score) || a.row - b.row);
  }

  /** Higher is better, for one query. */
  #key(product: number, norm: number): number {
    const { metric } = this.#config;
    return metric === "cosine" ? product * norm : metric === "euclidean" ? 2 * product - norm : product;
  }

  #norm(values: Float32Array): number {
    if (this.#config.metric === "dot-product") return 0;
    const squared = dot(values, values);
    if (this.#config.metric === "euclidean") return squared;
    return squared === 0 ? 0 : 1 / Math.sqrt(squared);
  }

  /** As https://developers.cloudflare.com/vectorize/best-practices/create-indexes/#distance-metrics defines them. */
  #score(query: Float32Array, query_norm: number, values: Float32Array): number {
    switch (this.#config.metric) {
      case "cosine": {
        const norms = query_norm * Math.sqrt(dot(values, values));
        return norms === 0 ? 0 : Math.max(-1, Math.min(1, dot(query, values) / norms));
      }
      case "euclidean":
        return Math.sqrt(query.reduce((sum, value, i) => sum + (value - (values[i] ?? 0)) ** 2, 0));
      case "dot-product":
        return 0 - dot(query, values);
    }
  }
}

function dot(a: Float32Array, b: Float32Array): number {
  // Four sums, for one would make each addition wait for the one before it: half the speed.
  let [p, q, r, s] = [0, 0, 0, 0];
  for (let i = 0; i < a.length; i += 4) {
    p += (a[i] ?? 0) * (b[i] ?? 0);
    q += (a[i + 1] ?? 0) * (b[i + 1] ?? 0);
    r += (a[i + 2] ?? 0) * (b[i + 2] ?? 0);
    s += (a[i + 3] ?? 0) * (b[i + 3] ?? 0);
  }
  return p + q + r + s;
}
