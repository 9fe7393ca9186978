/**
 * The platform's clock on a game day: simulated, moved minute by minute, with whatever crons fall due in between. Real time runs on as
 * well, so what a process takes on this machine is in every figure.
 */
import { setTimeout as pause } from "node:timers/promises";
import { MINUTE_MS } from "../../worker/ground/time.ts";
import { ALERT_STEP_MIN, METER_FLUSH_MS } from "../../worker/limits.ts";

/** What an isolate has counted reaches the meter after its patience, and an evaluation must see it. */
const METER_SETTLED_MS = METER_FLUSH_MS + 100;

interface ClockInputs {
  /** The shim's clock. */
  plan: { clock_offset_ms: number };
  /** Ends the passing of time. */
  signal: AbortSignal;
  /** Fires what is due in a minute. */
  fire: (at: Date) => Promise<void>;
  /** Starts the deliveries of queues that are due, and waits for those that end by themselves. */
  deliver: () => Promise<void>;
}

export class PlatformClock {
  readonly #inputs: ClockInputs;
  /** The last minute (since the epoch) whose crons were fired. */
  #minute: number;

  constructor(inputs: ClockInputs) {
    this.#inputs = inputs;
    this.#minute = Math.floor(this.now() / MINUTE_MS);
  }

  now(): number {
    return Date.now() + this.#inputs.plan.clock_offset_ms;
  }

  /** Lets time pass up to `to_ms`, firing crons; `each_minute` happens after the crons of each minute; null: nobody does anything. */
  async passTo(to_ms: number, each_minute: (() => Promise<void>) | null): Promise<void> {
    while ((this.#minute + 1) * MINUTE_MS <= to_ms) {
      this.#inputs.signal.throwIfAborted();
      this.#minute += 1;
      this.#moveTo(this.#minute * MINUTE_MS);
      // A minute is over sooner here than a queue looks for what is due.
      await this.#inputs.deliver();
      if (each_minute !== null && this.#minute % ALERT_STEP_MIN === 0) await pause(METER_SETTLED_MS);
      await this.#inputs.fire(new Date(this.#minute * MINUTE_MS));
      await each_minute?.();
    }
    this.#moveTo(to_ms);
  }

  /** As if the platform had been off until `to_ms`: nothing fires in between. */
  leapTo(to_ms: number): void {
    this.#moveTo(to_ms);
    this.#minute = Math.floor(this.now() / MINUTE_MS);
  }

  /** Never back: what the service has noted of a time to come would puzzle it. */
  #moveTo(at_ms: number): void {
    const { plan } = this.#inputs;
    plan.clock_offset_ms = Math.max(plan.clock_offset_ms, at_ms - Date.now());
  }
}
