/** Figures and times in words. Pure. */
import { counted } from "../ground/counted.ts";

const MINUTE_MS = 60_000;
const HOUR_MINUTES = 60;
const DAY_MINUTES = 24 * HOUR_MINUTES;

/** A share as a percentage that never flatters: only what is whole is 100 %, and only what is nothing is 0 %. */
export function percent(share: number | null): string {
  if (share === null) return "no data";
  if (share === 1) return "100 %";
  const hundredths = Math.floor(share * 10_000) / 100;
  return share > 0 && hundredths === 0 ? "< 0.01 %" : `${hundredths.toFixed(2)} %`;
}

/** 2026-11-29 16:45 UTC */
export function utc(at_ms: number): string {
  return `${new Date(at_ms).toISOString().slice(0, 16).replace("T", " ")} UTC`;
}

/** How long, in one unit, or two where the second still matters: `4 min`, `3 h 20 min`, `2 days`. */
export function span(duration_ms: number): string {
  const minutes = Math.max(0, Math.round(duration_ms / MINUTE_MS));
  if (minutes < 1) return "less than a minute";
  if (minutes < HOUR_MINUTES) return `${minutes} min`;
  if (minutes < DAY_MINUTES) {
    const rest = minutes % HOUR_MINUTES;
    return `${Math.floor(minutes / HOUR_MINUTES)} h${rest === 0 ? "" : ` ${rest} min`}`;
  }
  return counted(Math.round(minutes / DAY_MINUTES), "day");
}

/** For axes: 1 200 as 1.2k. */
export function short(value: number): string {
  if (value >= 1e6) return `${Number((value / 1e6).toFixed(1))}M`;
  if (value >= 1e3) return `${Number((value / 1e3).toFixed(1))}k`;
  return String(Number(value.toFixed(1)));
}
