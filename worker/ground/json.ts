/** A value and its JSON text, each made from the other when it is first asked for: kept answers are text, fresh ones values. */
export class Json<T> {
  #value: T | undefined;
  #text: string | undefined;

  private constructor(value: T | undefined, text: string | undefined) {
    this.#value = value;
    this.#text = text;
  }

  static of<T>(value: T): Json<T> {
    return new Json<T>(value, undefined);
  }

  /** The text must be JSON of a `T`. */
  static read<T>(text: string): Json<T> {
    return new Json<T>(undefined, text);
  }

  get value(): T {
    this.#value ??= JSON.parse(this.#text ?? "") as T;
    return this.#value;
  }

  get text(): string {
    this.#text ??= JSON.stringify(this.#value);
    return this.#text;
  }
}

/** The value of a JSON text; undefined for a text that is none. */
export function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Whether a value of JSON is an object with keys: neither null nor an array. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
