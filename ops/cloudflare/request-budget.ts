/**
 * Cloudflare's global API limit, kept from this side: 1200 requests in five minutes for each user, and whoever asks once more
 * is refused for five minutes. A bulk job therefore waits here, and can say beforehand how long it will take.
 *
 * Source: https://developers.cloudflare.com/fundamentals/api/reference/limits/
 */
import { setTimeout as pause } from "node:timers/promises";
import { API_REQUESTS_PER_WINDOW, API_WINDOW_MS } from "../../infra/cloudflare-limits.ts";
import { API_WINDOW_MARGIN_MS } from "../limits.ts";
import { whileWaiting } from "../waits.ts";

const SPENT = `Cloudflare's budget of ${API_REQUESTS_PER_WINDOW} requests in ${API_WINDOW_MS / 60_000} minutes, which is spent`;

/** What waiting needs of time; a test or a prediction brings a simulated one. */
export interface Clock {
  /** Milliseconds, never going back. */
  now(): number;
  /** Resolves after `ms`; rejects with the signal's reason when that comes first. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

export const systemClock: Clock = {
  now: () => performance.now(),
  sleep: (ms, signal) => pause(ms, undefined, { signal }),
};

/**
 * Admits requests in the order in which they ask, never more than the limit in any window of its length. One budget serves
 * everything that uses the same token in this process.
 */
export class RequestBudget {
  readonly #clock: Clock;
  /** When each of the last requests was or will be sent, oldest first; as many as one window admits. */
  readonly #sent: { at_ms: number }[] = [];
  #blocked_until_ms = 0;
  #admitted = 0;

  constructor(clock: Clock = systemClock) {
    this.#clock = clock;
  }

  /** Requests admitted so far, repetitions included. */
  get admitted(): number {
    return this.#admitted;
  }

  /** Resolves when one more request may be sent. */
  async take(signal: AbortSignal): Promise<void> {
    const own = { at_ms: this.#next_ms(0) };
    this.#admitted += 1;
    this.#sent.push(own);
    if (this.#sent.length > API_REQUESTS_PER_WINDOW) this.#sent.shift();
    for (;;) {
      // A refusal may have come in meanwhile, and then everybody waits longer.
      own.at_ms = Math.max(own.at_ms, this.#blocked_until_ms);
      const wait_ms = own.at_ms - this.#clock.now();
      if (wait_ms <= 0) return;
      await whileWaiting({ for: SPENT, limit_ms: wait_ms }, () => this.#clock.sleep(wait_ms, signal));
    }
  }

  /** Cloudflare refused a request: somebody else uses the same token. Nothing is sent for `wait_ms`. */
  block(wait_ms: number): void {
    this.#blocked_until_ms = Math.max(this.#blocked_until_ms, this.#clock.now() + wait_ms);
  }

  /** How long until the last of so many further requests may be sent, in milliseconds from now. */
  wait_ms(requests: number): number {
    return requests <= 0 ? 0 : Math.max(0, this.#next_ms(requests - 1) - this.#clock.now());
  }

  /** When a request may be sent before which `ahead` others still go. */
  #next_ms(ahead: number): number {
    const now_ms = Math.max(this.#clock.now(), this.#blocked_until_ms);
    const window_ms = API_WINDOW_MS + API_WINDOW_MARGIN_MS;
    // The request whose place in the window this one takes is one of those sent, or itself one of those ahead.
    const rounds = Math.floor(ahead / API_REQUESTS_PER_WINDOW);
    const place = (ahead % API_REQUESTS_PER_WINDOW) + this.#sent.length - API_REQUESTS_PER_WINDOW;
    const freed_ms = place >= 0 ? (this.#sent[place]?.at_ms ?? 0) + window_ms : now_ms;
    return Math.max(now_ms, freed_ms) + rounds * window_ms;
  }
}
