/**
 * Accepted mutations become visible later and in order, as on Cloudflare: nothing is readable right after its write.
 *
 * Real time, not the platform's clock: simulated time must not make a write visible or hold it back.
 */
import type { Mutation } from "./database.ts";

export class MutationQueue {
  readonly #apply: (mutation: Mutation) => Promise<void>;
  readonly #waiting: { mutation: Mutation; accepted_at_ms: number }[] = [];
  #delay_ms: number;
  #timer: NodeJS.Timeout | undefined;
  #working: Promise<void> = Promise.resolve();

  constructor(delay_ms: number, apply: (mutation: Mutation) => Promise<void>) {
    this.#delay_ms = delay_ms;
    this.#apply = apply;
  }

  push(mutation: Mutation): void {
    this.#waiting.push({ mutation, accepted_at_ms: performance.now() });
    this.#schedule();
  }

  /** Not yet visible ones of an index. */
  of(index_key: number): Mutation[] {
    return this.#waiting.map(({ mutation }) => mutation).filter((mutation) => mutation.index_key === index_key);
  }

  /** Forgets what waits for a deleted index. */
  drop(index_key: number): void {
    const kept = this.#waiting.filter(({ mutation }) => mutation.index_key !== index_key);
    this.#waiting.splice(0, this.#waiting.length, ...kept);
  }

  /** Applies to what already waits, too. `Infinity` holds everything until the delay changes. */
  setDelay(delay_ms: number): void {
    this.#delay_ms = delay_ms;
    this.#schedule();
  }

  /** Applies everything accepted so far, without waiting for its time. */
  async flush(): Promise<void> {
    await this.#work(Number.POSITIVE_INFINITY);
  }

  stop(): void {
    this.#waiting.length = 0;
    clearTimeout(this.#timer);
  }

  #schedule(): void {
    clearTimeout(this.#timer);
    const head = this.#waiting[0];
    if (head === undefined || this.#delay_ms === Number.POSITIVE_INFINITY) return;
    const wait_ms = Math.max(0, head.accepted_at_ms + this.#delay_ms - performance.now());
    // The file remembers what waits, so the timer need not keep a process alive.
    this.#timer = setTimeout(() => void this.#work(performance.now() - this.#delay_ms), wait_ms).unref();
  }

  /** One at a time, in order. */
  #work(accepted_until_ms: number): Promise<void> {
    this.#working = this.#working.then(async () => {
      for (let head = this.#waiting[0]; head && head.accepted_at_ms <= accepted_until_ms; head = this.#waiting[0]) {
        await this.#apply(head.mutation);
        if (this.#waiting[0] === head) this.#waiting.shift();
      }
      this.#schedule();
    });
    return this.#working;
  }
}
