/** Lists cut to the size that a call takes. */

/** The list, `size` items at a time; the last portion may be smaller. */
export function* portions<T>(list: readonly T[], size: number): Generator<T[]> {
  for (let from = 0; from < list.length; from += size) yield list.slice(from, from + size);
}
