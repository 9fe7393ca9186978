/** For tests: how much of an enumeration a run tries. `npm run backup:torture` tries all of it, other runs a spread. */

export const TRIES_ALL = process.env.PRISM_TORTURE === "all";

/** Of a test whose extent that is; far more than it takes, also beside other work. */
export const EXTENT_TIMEOUT_MS = TRIES_ALL ? 4 * 3_600_000 : 600_000;

/** All, or so many spread evenly over them, the first and the last included. */
export function spread<T>(all: readonly T[], few: number): T[] {
  if (TRIES_ALL || all.length <= few) return [...all];
  const step = (all.length - 1) / Math.max(1, few - 1);
  return all.filter((_, place) => Math.round(Math.round(place / step) * step) === place);
}

/** `1 of 3 crash points`. */
export function tried(count: number, all: number, what: string): string {
  return count === all ? `all ${all} ${what}` : `${count} of ${all} ${what} (all: npm run backup:torture)`;
}
