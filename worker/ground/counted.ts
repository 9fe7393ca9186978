/**
 * `1 row`, `2 rows`, `3 queries`: a count with its noun, which is English and regular. `shown`: how the count is written, where not as it
 * is.
 */
export function counted(count: number, noun: string, shown: string | number = count): string {
  if (count === 1) return `${shown} ${noun}`;
  const plural = /[^aeiou]y$/.test(noun)
    ? `${noun.slice(0, -1)}ies`
    : /(?:s|x|ch|sh)$/.test(noun)
      ? `${noun}es`
      : `${noun}s`;
  return `${shown} ${plural}`;
}
