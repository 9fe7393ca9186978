/**
 * Cloudflare's global API limit: 1200 requests in five minutes for each user, then every call is refused for five
 * minutes. Here a "user" is a token, and time is the platform's clock, so a simulated day can pass the limit.
 *
 * Source: https://developers.cloudflare.com/fundamentals/api/reference/limits/
 */
import type { MiddlewareHandler } from "hono";
import { API_REQUESTS_PER_WINDOW, API_WINDOW_MS } from "../../infra/cloudflare-limits.ts";
import type { Authenticated } from "./credentials.ts";
import { fail } from "./envelope.ts";

interface Spending {
  window_start_ms: number;
  used: number;
  blocked_until_ms: number;
}

/**
 * Counts requests per token and answers 429 with `Retry-After` (seconds) once the budget is spent.
 * `budget` true is Cloudflare's limit, a number another one, false none (for benches of the engine itself).
 */
export function requestBudget(budget: boolean | number, now: () => number): MiddlewareHandler<Authenticated> {
  const limit = budget === true ? API_REQUESTS_PER_WINDOW : budget === false ? Number.POSITIVE_INFINITY : budget;
  const spendings = new Map<string, Spending>();
  return async (c, next) => {
    if (!Number.isFinite(limit)) return next();
    const now_ms = now();
    const { id } = c.get("token");
    let spending = spendings.get(id);
    if (
      spending === undefined ||
      now_ms >= Math.max(spending.window_start_ms + API_WINDOW_MS, spending.blocked_until_ms)
    ) {
      spending = { window_start_ms: now_ms, used: 0, blocked_until_ms: 0 };
      spendings.set(id, spending);
    }
    spending.used++;
    if (spending.used > limit && spending.blocked_until_ms === 0) spending.blocked_until_ms = now_ms + API_WINDOW_MS;
    const end_ms = spending.blocked_until_ms || spending.window_start_ms + API_WINDOW_MS;
    const wait_s = Math.max(1, Math.ceil((end_ms - now_ms) / 1000));
    c.header("Ratelimit-Policy", `"default";q=${limit};w=${API_WINDOW_MS / 1000}`);
    c.header("Ratelimit", `"default";r=${Math.max(0, limit - spending.used)};t=${wait_s}`);
    if (spending.blocked_until_ms > now_ms) {
      c.header("Retry-After", String(wait_s));
      return fail(c, 429, 971, `Please wait and consider throttling your request speed: ${limit} requests per 5 min`);
    }
    return next();
  };
}
