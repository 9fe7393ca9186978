/** A map that forgets what was least recently used: isolate memory is 128 MB and callers choose the keys. */
export class BoundedMap<V> {
  readonly #entries = new Map<string, V>();
  readonly #entries_max: number;

  constructor(entries_max: number) {
    this.#entries_max = entries_max;
  }

  get(key: string): V | undefined {
    const value = this.#entries.get(key);
    if (value === undefined) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, value);
    return value;
  }

  set(key: string, value: V): void {
    this.#entries.delete(key);
    this.#entries.set(key, value);
    if (this.#entries.size <= this.#entries_max) return;
    const oldest = this.#entries.keys().next();
    if (!oldest.done) this.#entries.delete(oldest.value);
  }

  delete(key: string): void {
    this.#entries.delete(key);
  }
}
