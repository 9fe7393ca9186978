/**
 * What each of `works` gives, once all have ended: nothing may write on after one has failed and the lease is given up.
 * @throws what the first in their order failed with.
 */
export async function allDone<T extends readonly unknown[] | []>(
  works: T,
): Promise<{ -readonly [K in keyof T]: Awaited<T[K]> }> {
  await Promise.allSettled(works);
  return await Promise.all(works);
}
