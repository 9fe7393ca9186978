/**
 * Circuit breaker: after several failures in a row a dependency is left alone for a while, so that an outage costs
 * callers nothing but the fallback. Pure; `now_ms` is passed in. State is per isolate, which is enough: each learns
 * of an outage from its own few failures.
 */
import { CallerLeft, within } from "../ground/time-limit.ts";
import { BREAKER_FAILURES_TO_OPEN, BREAKER_OPEN_MS } from "../limits.ts";

export class Breaker {
  #failures = 0;
  #open_until_ms = 0;

  /** False while the circuit is open. After the pause one caller is let through to try. */
  allows(now_ms: number): boolean {
    if (this.#failures < BREAKER_FAILURES_TO_OPEN) return true;
    if (now_ms < this.#open_until_ms) return false;
    this.#open_until_ms = now_ms + BREAKER_OPEN_MS;
    return true;
  }

  record(succeeded: boolean, now_ms: number): void {
    this.#failures = succeeded ? 0 : this.#failures + 1;
    if (this.#failures >= BREAKER_FAILURES_TO_OPEN) this.#open_until_ms = now_ms + BREAKER_OPEN_MS;
  }

  get open(): boolean {
    return this.#failures >= BREAKER_FAILURES_TO_OPEN;
  }
}

/** The dependency is being left alone after repeated failures. */
export class CircuitOpen extends Error {
  override name = "CircuitOpen";
}

/**
 * Runs `work` unless the circuit is open; a call that takes longer than `timeout_ms` counts as failed, and its signal aborts. It does so
 * when `left` aborts, too: that says nothing about who was called.
 */
export async function guardedCall<T>(
  breaker: Breaker,
  timeout_ms: number,
  work: (signal: AbortSignal) => Promise<T>,
  left?: AbortSignal,
): Promise<T> {
  if (!breaker.allows(Date.now())) throw new CircuitOpen("left alone after repeated failures");
  try {
    const result = await within(timeout_ms, work, left);
    breaker.record(true, Date.now());
    return result;
  } catch (error) {
    if (!(error instanceof CallerLeft)) breaker.record(false, Date.now());
    throw error;
  }
}
