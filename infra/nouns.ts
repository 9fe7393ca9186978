/** Making the same of each noun of the inventory, so that a new bucket, namespace or queue is everywhere once it is named there. */

/** `mapNouns(BUCKETS, ({ name }) => …)`: what `make` returns, by the nouns' keys. */
export function mapNouns<Noun extends string, Entry, Made>(
  nouns: Readonly<Record<Noun, Entry>>,
  make: (entry: Entry, noun: Noun) => Made,
): Record<Noun, Made> {
  const made = Object.entries<Entry>(nouns).map(([noun, entry]) => [noun, make(entry, noun as Noun)]);
  return Object.fromEntries(made) as Record<Noun, Made>;
}

/** The keys, for `z.enum`. */
export function nounKeys<Noun extends string>(nouns: Readonly<Record<Noun, unknown>>): Noun[] {
  return Object.keys(nouns) as Noun[];
}
