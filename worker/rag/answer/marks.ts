/**
 * The numbers by which the model cites the passages of one prompt. Pure; randomness is passed in.
 *
 * Marks and texts share one notation, `[123456]`. So a mark is drawn anew for each prompt, and never one that a passage or the
 * question holds: whoever writes documents cannot guess it, and no text that the model copies can be taken for it.
 */

/** Six digits are two tokens to most models, and leave room beside every number that a prompt can hold. */
export const MARK_DIGITS = 6;
const FIRST = 10 ** (MARK_DIGITS - 1);
const COUNT = 9 * FIRST;

/** `count` different marks that occur in none of `texts`. `random_u32` gives integers of 32 random bits. */
export function drawMarks(count: number, texts: readonly string[], random_u32: () => number): number[] {
  const taken = new Set(texts.flatMap((text) => text.match(/\d+/g) ?? []).map(Number));
  return Array.from({ length: count }, () => {
    let mark = FIRST + (random_u32() % COUNT);
    // Stepping on, not drawing again, ends for whatever `random_u32` gives.
    while (taken.has(mark)) mark = mark + 1 < FIRST + COUNT ? mark + 1 : FIRST;
    taken.add(mark);
    return mark;
  });
}
