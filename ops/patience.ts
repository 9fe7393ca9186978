/**
 * Trying again: the one loop of ops that repeats what failed. Who calls says which failures may pass; this counts, waits and gives up.
 *
 * zx's `retry` knows no signal and repeats every error; p-retry has both, but waits by its own count and clock alone: neither can wait
 * as long as the other side asks, or by a simulated clock.
 */
import { setTimeout as pause } from "node:timers/promises";
import { OpsError } from "./command/errors.ts";
import { whileWaiting } from "./waits.ts";

export interface RetryPolicy {
  /** Ends tries and waits. */
  signal: AbortSignal;
  /** Whether trying again is safe and may help. */
  mayPass(failure: OpsError): boolean;
  /** Tries after the first. */
  retries_max: number;
  /** The wait before the second try, where the other side asks for none; doubles before each further one. */
  pause_ms(failure: OpsError): number;
  /** What is asked for beyond this is not waited for. */
  wait_max_ms: number;
  /** The same for the sum of all waits. */
  waits_max_ms?: number;
  /** Called before each wait. */
  on_retry?(failure: OpsError, wait_ms: number): void;
  /** Resolves after `ms`, rejects when the signal ends it. */
  sleep?(ms: number, signal: AbortSignal): Promise<void>;
}

/** What `work` returns. @throws its last error when it cannot pass or patience ended, and whatever ended a wait. */
export async function patiently<T>(work: () => Promise<T>, policy: RetryPolicy): Promise<T> {
  const { signal, retries_max, wait_max_ms, waits_max_ms = Number.POSITIVE_INFINITY } = policy;
  const sleep = policy.sleep ?? ((ms) => pause(ms, undefined, { signal }));
  let waited_ms = 0;
  for (let retries = 0; ; retries += 1) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof OpsError) || signal.aborted || retries === retries_max || !policy.mayPass(error))
        throw error;
      // Spread out, so that commands that failed together do not come back together.
      const wait_ms = error.retry_after_ms ?? policy.pause_ms(error) * 2 ** retries * (0.5 + Math.random() / 2);
      waited_ms += wait_ms;
      if (wait_ms > wait_max_ms || waited_ms > waits_max_ms) throw error;
      policy.on_retry?.(error, wait_ms);
      const another = `another try (${error.message})`;
      await whileWaiting({ for: another, limit_ms: wait_ms }, () => sleep(wait_ms, signal));
    }
  }
}

/** Seconds or an HTTP date (RFC 9110 §10.2.3) as milliseconds from now; undefined when absent or unreadable. */
export function retryAfter_ms(header: string | null, now_ms: number = Date.now()): number | undefined {
  if (header === null) return undefined;
  if (/^\d+$/.test(header)) return Number(header) * 1000;
  const at_ms = Date.parse(header);
  return Number.isNaN(at_ms) ? undefined : Math.max(0, at_ms - now_ms);
}
