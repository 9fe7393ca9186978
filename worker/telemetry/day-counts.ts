/** What this isolate knows of a key's requests of the UTC day: the meter's last count, plus what it has admitted since. */

import { BoundedMap } from "../ground/bounded-map.ts";
import type { Principal } from "../ground/principal.ts";
import { DAY_MS } from "../ground/time.ts";
import { ISOLATE_ENTRIES_MAX } from "../limits.ts";

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

/** The next midnight, UTC. */
export function dayEnd(now_ms: number): number {
  return (Math.floor(now_ms / DAY_MS) + 1) * DAY_MS;
}
