/**
 * Daily quotas: the meter's last count of a key, plus what this isolate has admitted since, decides.
 *
 * So a quota is exact within an isolate, and across isolates to what the others have admitted since their last word
 * to the meter (`METER_FLUSH_MS`). An exact quota would need a call before every request.
 */
import type { Context } from "hono";
import type { App } from "../context.ts";
import { BoundedMap } from "../ground/bounded-map.ts";
import type { Principal } from "../ground/principal.ts";
import { Problem } from "../ground/problem.ts";
import { ISOLATE_ENTRIES_MAX } from "../limits.ts";

const DAY_MS = 86_400_000;

interface DayCount {
  day: number;
  /** By the meter's last answer. */
  metered: number;
  /** Admitted here and not yet handed to the meter. */
  outstanding: number;
}

const counts = new BoundedMap<DayCount>(ISOLATE_ENTRIES_MAX);

/**
 * Counts a request of a key and returns which one of the day it is, as far as this isolate knows. Refused ones count
 * too: they reach the meter like the others.
 */
export function countRequest(keyId: string, now_ms: number): number {
  const day = Math.floor(now_ms / DAY_MS);
  const count = counts.get(keyId);
  if (count?.day === day) {
    count.outstanding += 1;
    return count.metered + count.outstanding;
  }
  counts.set(keyId, { day, metered: 0, outstanding: 1 });
  return 1;
}

/** Takes in what the meter said of a key. */
export function learnCount(keyId: string, handed_over: number, used_today: number | undefined): void {
  const count = counts.get(keyId);
  if (count === undefined) return;
  count.outstanding = Math.max(0, count.outstanding - handed_over);
  count.metered = used_today ?? count.metered + handed_over;
}

/** Requests a key has made this UTC day as far as this isolate knows, the current one included. */
export function usedToday(keyId: string): number {
  const count = counts.get(keyId);
  return count === undefined ? 0 : count.metered + count.outstanding;
}

/** What is left of a key's day, for answers that report it: requests (null: no quota) and when the day ends. */
export function budgetLeft(
  { key_id, daily_quota }: Principal,
  now_ms: number,
): { budget_left: number | null; budget_resets_at: string } {
  return {
    budget_left: daily_quota === null ? null : Math.max(0, daily_quota - usedToday(key_id)),
    budget_resets_at: new Date(dayEnd(now_ms)).toISOString(),
  };
}

/**
 * Refuses the `ordinal`th request of a day that a key has used up (429 `quota-exceeded`), and tells what is left.
 * The ordinal is the request's own: others that came meanwhile must not be held against it.
 */
export function checkQuota(c: Context<App>, principal: Principal, ordinal: number, now_ms: number): void {
  const quota = principal.daily_quota;
  if (quota === null) return;
  const { budget_left, budget_resets_at } = budgetLeft(principal, now_ms);
  const reset_s = Math.ceil((dayEnd(now_ms) - now_ms) / 1000);
  c.header("ratelimit-policy", `"daily";q=${quota};w=${DAY_MS / 1000}`, { append: true });
  c.header("ratelimit", `"daily";r=${budget_left};t=${reset_s}`);
  if (ordinal <= quota) return;
  const detail = `The key's ${quota} requests of this day are used up; reset at ${budget_resets_at}.`;
  throw new Problem("quota-exceeded", detail, { retry_after_s: reset_s });
}

/** The next midnight, UTC. */
function dayEnd(now_ms: number): number {
  return (Math.floor(now_ms / DAY_MS) + 1) * DAY_MS;
}
