/**
 * When a daily allowance runs out. Pure.
 *
 * Days have a shape: nights are quiet. So the rest of the day is taken to be like the same hours of the days before, at the level at
 * which this day has run so far. Without days before, it goes on as in the last hours.
 */
import { HOUR_MS } from "../ground/time.ts";

export const DAY_HOURS = 24;
/** Of a usual hour, what is taken to have been used as usual before anything is known of this day. */
const PRIOR_HOUR_SHARE = 0.02;
/** Hours whose mean is gone on with where no day is known. */
const RECENT_HOURS = 3;

export interface DayUse {
  /** What each hour (UTC) of this day has used; the one that `now_ms` is in has not ended. */
  today: readonly number[];
  /** What each hour of a usual day uses; empty where no day is known. */
  usual: readonly number[];
}

/** The hours of a usual day: the mean of those days on which anything was used. */
export function usualDay(days: readonly (readonly number[])[]): number[] {
  const used = days.filter((hours) => hours.some((amount) => amount > 0));
  if (used.length === 0) return [];
  return Array.from(
    { length: DAY_HOURS },
    (_, hour) => used.reduce((sum, hours) => sum + (hours[hour] ?? 0), 0) / used.length,
  );
}

/**
 * The time (milliseconds since the epoch) at which `limit` is reached on the UTC day of `now_ms`: in the past where it has been,
 * null where it will not be.
 */
export function runsOutAt({ today, usual }: DayUse, limit: number, now_ms: number): number | null {
  const day_ms = now_ms - (now_ms % (DAY_HOURS * HOUR_MS));
  const passed_hours = (now_ms - day_ms) / HOUR_MS;
  const expected = expectedHours({ today, usual }, passed_hours);
  let used = 0;
  for (const [hour, amount] of expected.entries()) {
    if (amount > 0 && used + amount >= limit) return day_ms + (hour + (limit - used) / amount) * HOUR_MS;
    used += amount;
  }
  return null;
}

/** The whole day by the hour: what was, and what is expected of the rest. */
function expectedHours({ today, usual }: DayUse, passed_hours: number): number[] {
  const rateOf = usual.length === 0 ? recentRate(today, passed_hours) : levelled(today, usual, passed_hours);
  return Array.from({ length: DAY_HOURS }, (_, hour) => {
    const left = Math.min(1, Math.max(0, hour + 1 - passed_hours));
    return (today[hour] ?? 0) + left * rateOf(hour);
  });
}

function recentRate(today: readonly number[], passed_hours: number): () => number {
  const from = Math.max(0, Math.floor(passed_hours) - RECENT_HOURS + 1);
  const recent = today.slice(from).reduce((sum, amount) => sum + amount, 0);
  const rate = recent / Math.max(passed_hours - from, 1 / 60);
  return () => rate;
}

/**
 * The usual day, more or less of it: as the hours so far say, and nearly as usual in the first minutes.
 */
function levelled(today: readonly number[], usual: readonly number[], passed_hours: number): (hour: number) => number {
  const sum = (hours: readonly number[]) => hours.reduce((total, amount) => total + amount, 0);
  const prior = (PRIOR_HOUR_SHARE * sum(usual)) / DAY_HOURS;
  const expected = sum(usual.map((amount, hour) => amount * Math.min(1, Math.max(0, passed_hours - hour))));
  const level = (sum(today) + prior) / (expected + prior);
  return (hour) => level * (usual[hour] ?? 0);
}
