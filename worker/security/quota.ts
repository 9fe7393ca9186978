/**
 * Daily quotas: the meter's last count of a key, plus what this isolate has admitted since, decides.
 *
 * So a quota is exact within an isolate, and across isolates to what the others have admitted since their last word
 * to the meter (`METER_FLUSH_MS`). An exact quota would need a call before every request.
 */

import type { Context } from "hono";
import type { Principal } from "../ground/principal.ts";
import { Problem } from "../ground/problem.ts";
import { DAY_MS } from "../ground/time.ts";
import { budgetLeft, dayEnd } from "../telemetry/day-counts.ts";
import type { App } from "./context.ts";

/**
 * Refuses the `ordinal`th request of a day that a key has used up (429 `quota-exceeded`), and tells what is left.
 * The ordinal is the request's own: others that came meanwhile must not be held against it.
 */
export function checkQuota(c: Context<App>, principal: Principal, ordinal: number): void {
  const quota = principal.daily_quota;
  if (quota === null) return;
  const { now_ms } = c.var.work;
  const { budget_left, budget_resets_at } = budgetLeft(principal, now_ms);
  const reset_s = Math.ceil((dayEnd(now_ms) - now_ms) / 1000);
  c.header("ratelimit-policy", `"daily";q=${quota};w=${DAY_MS / 1000}`, { append: true });
  c.header("ratelimit", `"daily";r=${budget_left};t=${reset_s}`);
  if (ordinal <= quota) return;
  const detail = `The key's ${quota} requests of this day are used up; reset at ${budget_resets_at}.`;
  throw new Problem("quota-exceeded", detail, { retry_after_s: reset_s });
}
