/** Faults injected from outside the bundle, and the simulated clock: the Node side of `shim.js`. */
import { z } from "zod";

export const faultRule = z.strictObject({
  /** Name of the binding in `env`, e.g. `VECTORIZE`. */
  binding: z.string(),
  /** Only in this script, e.g. `prism-watchdog`; in all of them without it. */
  script: z.string().optional(),
  /** Only this method, e.g. `query`; every method without it. */
  method: z.string().optional(),
  /** Message of the error that the call throws, e.g. `D1_ERROR: internal error`. */
  error: z.string().optional(),
  delay_ms: z.number().int().min(0).max(60_000).optional(),
  /** The call seems to take so much longer by the clocks that the Worker reads (`performance.now`); nobody waits. */
  apparent_ms: z.number().int().min(0).max(3_600_000).optional(),
  /** 0–1; how often the rule strikes. */
  probability: z.number().min(0).max(1).optional(),
});
export type FaultRule = z.infer<typeof faultRule>;

export class FaultPlan {
  rules: FaultRule[] = [];
  /** How far the platform's clock is ahead of the machine's. */
  clock_offset_ms = 0;

  now(): number {
    return Date.now() + this.clock_offset_ms;
  }

  /** The Node side of the shim's service binding, in a version of this script. */
  handle(script: string): Response {
    const rules = this.rules.filter((rule) => rule.script === undefined || rule.script === script);
    return Response.json({ clock_offset_ms: this.clock_offset_ms, rules });
  }
}
