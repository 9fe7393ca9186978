/**
 * Daily quotas: the meter's last count of a key, plus what this isolate has admitted since, decides.
 *
 * So a quota is exact within an isolate, and across isolates to what the others have admitted since their last word
 * to the meter (`METER_FLUSH_MS`). An exact quota would need a call before every request.
 */
import type { Context } from "hono";
import type { App } from "../context.ts";
import { ISOLATE_ENTRIES_MAX } from "../limits.ts";
import { Problem } from "../problem.ts";
import { BoundedMap } from "./bounded-map.ts";
import type { Principal } from "./principal.ts";

const DAY_MS = 86_400_000;

interface DayCount {
  day: number;
  /** By the meter's last answer. */
  metered: number;
  /** Admitted here and not yet handed to the meter. */
  outstanding: number;
}

const counts = new BoundedMap<DayCount>(ISOLATE_ENTRIES_MAX);

/** Counts a request of a key; every one of them, also those that are refused later, reaches the meter. */
export function countRequest(keyId: string, now_ms: number): void {
  const day = Math.floor(now_ms / DAY_MS);
  const count = counts.get(keyId);
  if (count?.day === day) count.outstanding += 1;
  else counts.set(keyId, { day, metered: 0, outstanding: 1 });
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

/** Refuses a key that has used up its day (429 `quota-exceeded`), and tells a caller what is left. */
export function checkQuota(c: Context<App>, principal: Principal, now_ms: number): void {
  const quota = principal.daily_quota;
  if (quota === null) return;
  const used = usedToday(principal.key_id);
  const reset_ms = (Math.floor(now_ms / DAY_MS) + 1) * DAY_MS;
  const reset_s = Math.ceil((reset_ms - now_ms) / 1000);
  c.header("ratelimit-policy", `"daily";q=${quota};w=${DAY_MS / 1000}`, { append: true });
  c.header("ratelimit", `"daily";r=${Math.max(0, quota - used)};t=${reset_s}`);
  if (used <= quota) return;
  const reset = new Date(reset_ms).toISOString();
  throw new Problem(429, "quota-exceeded", `The key's ${quota} requests of this day are used up; reset at ${reset}.`, {
    headers: { "retry-after": String(reset_s) },
  });
}
