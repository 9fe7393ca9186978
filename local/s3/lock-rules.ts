/**
 * Bucket locks: which objects may not be overwritten or deleted yet.
 * https://developers.cloudflare.com/r2/buckets/bucket-locks/
 */
import { z } from "zod";

/** As the REST API takes it. */
export const lockRule = z.object({
  id: z.string(),
  enabled: z.boolean(),
  prefix: z.string().optional(),
  condition: z.discriminatedUnion("type", [
    z.object({ type: z.literal("Age"), maxAgeSeconds: z.number().int().positive() }),
    z.object({ type: z.literal("Date"), date: z.string() }),
    z.object({ type: z.literal("Indefinite") }),
  ]),
});
export type LockRule = z.infer<typeof lockRule>;

/** The enabled rules whose prefix covers `key`. */
export function rulesFor(rules: LockRule[], key: string): LockRule[] {
  return rules.filter(({ enabled, prefix }) => enabled && key.startsWith(prefix ?? ""));
}

/** The id of a rule that still locks an object uploaded at `uploaded_ms`; `rules` are those that cover its key. */
export function lockingRule(rules: LockRule[], uploaded_ms: number, now_ms: number): string | undefined {
  return rules.find((rule) => now_ms < lockedUntil(rule, uploaded_ms))?.id;
}

function lockedUntil({ condition }: LockRule, uploaded_ms: number): number {
  switch (condition.type) {
    case "Age":
      return uploaded_ms + condition.maxAgeSeconds * 1000;
    case "Date":
      return Date.parse(condition.date);
    case "Indefinite":
      return Number.POSITIVE_INFINITY;
  }
}
