/** Quantities as people read them. */

/** `1.5 MB`; powers of ten. */
export function shownBytes(bytes: number): string {
  if (bytes < 1000) return `${Math.round(bytes)} B`;
  const power = Math.min(Math.floor(Math.log10(bytes) / 3), UNITS.length);
  return `${(bytes / 1000 ** power).toFixed(1)} ${UNITS[power - 1]}`;
}
const UNITS = ["kB", "MB", "GB", "TB"];

/** `850 ms`, `12.5 s`, `7 min`, `3.2 h`. */
export function shownTime(duration_ms: number): string {
  if (duration_ms < 1000) return `${Math.round(duration_ms)} ms`;
  if (duration_ms < 60_000) return `${(duration_ms / 1000).toFixed(1)} s`;
  if (duration_ms < 3_600_000) return `${Math.round(duration_ms / 60_000)} min`;
  return `${(duration_ms / 3_600_000).toFixed(1)} h`;
}
