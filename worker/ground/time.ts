/** Spans of time in milliseconds, and moments (since the epoch) as ISO 8601. */
export const MINUTE_MS = 60_000;
export const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;

/** Whole minutes from one run of cron to another. What comes by the minute comes some seconds early or late: the nearest one counts. */
export function minutesBetween(from_ms: number, to_ms: number): number {
  return Math.round((to_ms - from_ms) / MINUTE_MS);
}

export function iso(at_ms: number): string {
  return new Date(at_ms).toISOString();
}

/** The UTC day of a time, as 2026-11-29. */
export function dayOf(at_ms: number): string {
  return new Date(at_ms).toISOString().slice(0, 10);
}

export function isoOrNull(at_ms: number | null): string | null {
  return at_ms === null ? null : iso(at_ms);
}
