/** Figures in words, and beside others. Pure. */
import type { Figure } from "./report.ts";

/** Stands where nothing was measured. */
export const NOTHING = "–";

/** A figure that is held against nothing. */
export function plain(name: string, value: string): Figure {
  return { name, value, before: null, change: null, target: null };
}

/** What a figure should be: under or over a bound, which is told with its unit. */
type Bound = ({ below: number } | { above: number }) & { told: string };

/** A figure that is held against a bound; null where nothing was measured. */
export function held(name: string, value: number | null, shown: (value: number) => string, bound: Bound): Figure {
  if (value === null) return plain(name, NOTHING);
  const target =
    "below" in bound
      ? { words: `< ${bound.told}`, is_met: value < bound.below }
      : { words: `> ${bound.told}`, is_met: value > bound.above };
  return { ...plain(name, shown(value)), target };
}

/** `+12 %`; null where either is missing, or there was nothing before. */
export function changeOf(now: number | null | undefined, before: number | null | undefined): string | null {
  if (now == null || before == null || before === 0) return null;
  const percent = Math.round(100 * (now / before - 1));
  return `${percent > 0 ? "+" : ""}${percent} %`;
}

export function shownMs(value: number | null): string {
  return value === null ? NOTHING : `${Math.round(value)} ms`;
}

export function shownShare(share: number): string {
  return `${Number((100 * share).toFixed(2))} %`;
}
