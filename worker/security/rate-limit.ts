/**
 * Requests a minute: per address for callers not yet proven, per key for the others.
 *
 * The binding answers only yes or no, so the headers state the policy (from the inventory, which is what the binding
 * was made from) and never a count of what is left. Counts are per location and eventually consistent.
 *
 * A busy caller's requests are counted ahead, a few at a time, because asking takes longer than many answers: up to a
 * quarter of what it has lately used in a minute, at most a fiftieth of its limit. So an isolate whose caller falls
 * silent has counted that much too much; small limits (the low tier) are counted one by one.
 *
 * Header fields: draft-ietf-httpapi-ratelimit-headers-10.
 */
import type { Context } from "hono";
import { RATE_LIMITS } from "../../infra/inventory.ts";
import type { Env } from "../env.ts";
import { BoundedMap } from "../ground/bounded-map.ts";
import type { Principal, RateTier } from "../ground/principal.ts";
import { Problem } from "../ground/problem.ts";
import { ISOLATE_ENTRIES_MAX } from "../limits.ts";
import { describeError } from "../telemetry/log.ts";
import { clientAddress } from "./address.ts";
import type { App } from "./context.ts";

const TIER_BINDINGS = {
  low: "RATE_LOW",
  standard: "RATE_STANDARD",
  high: "RATE_HIGH",
} as const satisfies Record<RateTier, keyof Env>;

interface Policy {
  limit: number;
  period_s: number;
}

/** What this isolate has counted for a caller in one window of the limit. */
interface Lease {
  /** Windows are aligned to the clock. */
  window: number;
  /** Counted ahead and not yet used. */
  left: number;
  used: number;
  used_before: number;
}

const leases = new BoundedMap<Lease>(ISOLATE_ENTRIES_MAX);

/** Counts a request against its address. A key that proved itself is limited by its tier instead. */
export async function limitAddress(c: Context<App>): Promise<void> {
  if (!(await spend(c, c.env.RATE_IP, "address", clientAddress(c), RATE_LIMITS.ip))) {
    throw tooMany(c, "address", RATE_LIMITS.ip);
  }
}

/** Counts a request against its key, by the tier the key is on. */
export async function limitKey(c: Context<App>, { rate_tier, key_id }: Principal): Promise<void> {
  const policy = RATE_LIMITS[rate_tier];
  if (!(await spend(c, c.env[TIER_BINDINGS[rate_tier]], rate_tier, key_id, policy))) {
    throw tooMany(c, rate_tier, policy);
  }
  statePolicy(c, rate_tier, policy);
}

async function spend(c: Context<App>, binding: RateLimit, name: string, key: string, policy: Policy): Promise<boolean> {
  const window = Math.floor(c.var.work.now_ms / (policy.period_s * 1000));
  const id = `${name} ${key}`;
  let lease = leases.get(id);
  if (lease?.window !== window) {
    const used_before = lease?.window === window - 1 ? lease.used : 0;
    lease = { window, left: 0, used: 0, used_before };
    leases.set(id, lease);
  }
  if (lease.left === 0) {
    const delta = leaseSize(Math.max(lease.used, lease.used_before), policy.limit);
    // A limiter that is down must not take the service down with it: the caller is let through, and the log says so.
    const { success } = await binding.limit({ key, delta }).catch((error: unknown) => {
      c.var.work.log("WARN", "a rate limit could not be checked", { limit: name, error: describeError(error) });
      return { success: true };
    });
    if (!success) return false;
    lease.left += delta;
  }
  lease.left -= 1;
  lease.used += 1;
  return true;
}

/** How many requests are counted at once for a caller that used `used` of its `limit` in a window. */
function leaseSize(used: number, limit: number): number {
  return Math.max(1, Math.floor(Math.min(used / 4, limit / 50)));
}

function statePolicy(c: Context<App>, name: string, { limit, period_s }: Policy): void {
  c.header("ratelimit-policy", `"${name}";q=${limit};w=${period_s}`);
}

function tooMany(c: Context<App>, name: string, policy: Policy): Problem {
  statePolicy(c, name, policy);
  const { limit, period_s } = policy;
  const reset_s = Math.ceil(period_s - ((c.var.work.now_ms / 1000) % period_s));
  return new Problem("rate-limited", `More than ${limit} requests in ${period_s} s. Wait, then continue slower.`, {
    headers: { ratelimit: `"${name}";r=0;t=${reset_s}` },
    retry_after_s: reset_s,
  });
}
