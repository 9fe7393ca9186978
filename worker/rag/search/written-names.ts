/**
 * Names as the query writes them: `--target`, `12.0.0`, `max_tokens`. Full text reads them as words, so a chunk that
 * says "target" often goes before the one that tells of `--target`. Here candidates are asked for the very characters. Pure.
 */

/** An option, or words held together by signs. */
const WRITTEN_NAME =
  /(?<![\p{L}\p{N}_-])(?:--?[\p{L}\p{N}][\p{L}\p{N}_.-]*|[\p{L}\p{N}]+(?:[-._/:@]+[\p{L}\p{N}]+)+)/gu;
/** "boundary-layer" is English; the index knows compounds (`words.ts`). */
const COMPOUND = /^\p{L}+(?:-\p{L}+)$/u;
/** More are a pasted text. */
const NAMES_MAX = 8;

/** The names in a query, each as what finds it in folded text. */
export function writtenNames(query: string): RegExp[] {
  const names = Array.from(query.toLowerCase().matchAll(WRITTEN_NAME), ([name]) => name.replace(/[._-]+$/, ""));
  return [...new Set(names.filter((name) => !COMPOUND.test(name)))]
    .slice(0, NAMES_MAX)
    .map((name) => new RegExp(`(?<![\\p{L}\\p{N}])${name.replaceAll(".", "\\.")}(?![\\p{L}\\p{N}])`, "gu"));
}
