/** Quantities as people read them. */
import { MINUTE_MS } from "../../worker/ground/time.ts";

/** `1.5 MB`; powers of ten. */
export function shownBytes(bytes: number): string {
  if (bytes < 1000) return `${Math.round(bytes)} B`;
  const power = Math.min(Math.floor(Math.log10(bytes) / 3), UNITS.length);
  return `${(bytes / 1000 ** power).toFixed(1)} ${UNITS[power - 1]}`;
}
const UNITS = ["kB", "MB", "GB", "TB"];

/** `850 ms`, `12.5 s`, `7 min`, `3 h 5 min`, `2 d 4 h`. */
export function shownTime(duration_ms: number): string {
  if (duration_ms < 1_000) return `${Math.round(duration_ms)} ms`;
  if (duration_ms < MINUTE_MS) return `${Number((duration_ms / 1_000).toFixed(1))} s`;
  const min = Math.round(duration_ms / MINUTE_MS);
  if (min < 60) return `${min} min`;
  const [h, d] = [Math.floor(min / 60), Math.floor(min / 1_440)];
  if (d === 0) return min % 60 === 0 ? `${h} h` : `${h} h ${min % 60} min`;
  return h % 24 === 0 ? `${d} d` : `${d} d ${h % 24} h`;
}
