/**
 * Waivers: what lifts the protection of one data store for one change. They stand in the stack's configuration, so that
 * taking a store out of protection is a reviewed line with a reason and an end. No clock here: `today` is passed in.
 */
import { z } from "zod";
import { DAY_MS, WAIVER_DAYS_MAX } from "./limits.ts";

/** `YYYY-MM-DD`. Pulumi reads an unquoted date of its YAML as a time, and hands it on as one. */
export const day = z.preprocess(
  (value) => (typeof value === "string" ? value.replace(/[T ]00:00:00( \+0000 UTC|Z)$/, "") : value),
  z.iso.date(),
);

export const waiver = z.strictObject({
  /** Name of the resource in the program, e.g. `prism-db-g1`. */
  resource: z.string().min(1),
  reason: z.string().min(10, "say why this data may be lost or replaced, in a sentence"),
  /** Last day it counts. */
  expires: day,
});
export type Waiver = z.infer<typeof waiver>;

/** Whether a waiver for `resource` counts on the day of `now_ms`: not expired, and not dated further than allowed. */
export function isWaived(waivers: readonly Waiver[], resource: string, now_ms: number): boolean {
  return waivers.some((entry) => entry.resource === resource && waiverFlaw(entry, now_ms) === null);
}

/** Why a waiver does not count, as a sentence, or null if it does. */
export function waiverFlaw({ resource, expires }: Waiver, now_ms: number): string | null {
  const end_ms = Date.parse(expires) + DAY_MS;
  if (end_ms <= now_ms) return `the waiver for ${resource} expired on ${expires}: remove it, or renew it with a reason`;
  if (end_ms > now_ms + (WAIVER_DAYS_MAX + 1) * DAY_MS)
    return `the waiver for ${resource} lasts until ${expires}: ${WAIVER_DAYS_MAX} days are the most`;
  return null;
}
