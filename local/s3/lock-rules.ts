/**
 * Bucket locks: which objects may not be overwritten or deleted yet.
 * https://developers.cloudflare.com/r2/buckets/bucket-locks/
 */
import { z } from "zod";
import type { BucketRecord } from "../registry.ts";

type LockRule = BucketRecord["lock_rules"][number];

const condition = z.discriminatedUnion("type", [
  z.object({ type: z.literal("Age"), maxAgeSeconds: z.number() }),
  z.object({ type: z.literal("Date"), date: z.string() }),
  z.object({ type: z.literal("Indefinite") }),
]);

/** The enabled rules whose prefix covers `key`. */
export function rulesFor(rules: LockRule[], key: string): LockRule[] {
  return rules.filter(({ enabled, prefix }) => enabled && key.startsWith(prefix ?? ""));
}

/** The id of a rule that still locks an object uploaded at `uploaded_ms`; `rules` are those that cover its key. */
export function lockingRule(rules: LockRule[], uploaded_ms: number, now_ms: number): string | undefined {
  return rules.find((rule) => now_ms < lockedUntil(rule, uploaded_ms))?.id;
}

function lockedUntil(rule: LockRule, uploaded_ms: number): number {
  const parsed = condition.parse(rule.condition);
  switch (parsed.type) {
    case "Age":
      return uploaded_ms + parsed.maxAgeSeconds * 1000;
    case "Date":
      return Date.parse(parsed.date);
    case "Indefinite":
      return Number.POSITIVE_INFINITY;
  }
}
