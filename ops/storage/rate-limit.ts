/**
 * How fast bytes may go to and from a storage. An object is sent and received whole, so one at a time goes at the line's speed, and the next
 * one waits until the average is kept again.
 *
 * What is small waits for nobody, and the next large object for it as well: a lease that is not renewed in time belongs to a dead process.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { UNLIMITED_OBJECT_BYTES } from "../limits.ts";
import { whileWaiting } from "../waits.ts";

export interface RateLimit {
  /** Resolves when so many bytes may be sent. */
  beforeSending(bytes: number, signal: AbortSignal): Promise<void>;
  /** Resolves when so many bytes, which just came, may be counted as received: nobody knows how many come before. */
  afterReceiving(bytes: number, signal: AbortSignal): Promise<void>;
}

/** On a line of which every byte takes its time, one after the other: when these begin and end. Pure; milliseconds of one clock. */
export function turnOf(
  bytes: number,
  bytes_per_s: number,
  free_at_ms: number,
  now_ms: number,
): { begins_at_ms: number; ends_at_ms: number } {
  const begins_at_ms = Math.max(free_at_ms, now_ms);
  return { begins_at_ms, ends_at_ms: begins_at_ms + (bytes / bytes_per_s) * 1000 };
}

/** `now`: milliseconds. `pause`: resolves after so many, rejects when the signal ends it. */
export function rateLimit(
  bytes_per_s: number,
  now: () => number = () => performance.now(),
  pause: (ms: number, signal: AbortSignal) => Promise<unknown> = (ms, signal) => sleep(ms, undefined, { signal }),
): RateLimit {
  let free_at_ms = Number.NEGATIVE_INFINITY;
  const takeTurn = async (bytes: number, signal: AbortSignal, until: "begins_at_ms" | "ends_at_ms"): Promise<void> => {
    const now_ms = now();
    const turn = turnOf(bytes, bytes_per_s, free_at_ms, now_ms);
    free_at_ms = turn.ends_at_ms;
    const wait_ms = turn[until] - now_ms;
    if (bytes > UNLIMITED_OBJECT_BYTES && wait_ms > 0)
      await whileWaiting({ for: "its turn below the rate limit", limit_ms: wait_ms }, () => pause(wait_ms, signal));
  };
  return {
    beforeSending: (bytes, signal) => takeTurn(bytes, signal, "begins_at_ms"),
    afterReceiving: (bytes, signal) => takeTurn(bytes, signal, "ends_at_ms"),
  };
}
