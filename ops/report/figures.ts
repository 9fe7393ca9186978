/** Figures in words, and beside others. Pure. */
import type { Figure } from "./report.ts";

/** Stands where nothing was measured. */
export const NOTHING = "–";

/** A figure that is held against nothing. */
export function plain(name: string, value: string): Figure {
  return { name, value, before: null, change: null, target: null };
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
