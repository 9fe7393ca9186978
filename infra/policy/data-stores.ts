/** Data stores are protected, and backups cannot be deleted before their time. */
import type { Policies } from "@pulumi/policy";
import { BUCKETS } from "../inventory.ts";
import { LOCKED_PREFIXES } from "../locked-prefixes.ts";
import { isWaived, type Waiver, waiverFlaw } from "../waivers.ts";

/** Types that hold data. A Worker is one: its Durable Objects are deleted with it. */
const DATA_STORES: ReadonlySet<string> = new Set([
  "cloudflare:index/d1Database:D1Database",
  "cloudflare:index/queue:Queue",
  "cloudflare:index/r2Bucket:R2Bucket",
  "cloudflare:index/r2BucketLock:R2BucketLock",
  "cloudflare:index/worker:Worker",
  "cloudflare:index/workersKvNamespace:WorkersKvNamespace",
  "vectorize:index:VectorizeIndex",
]);
const BUCKET = "cloudflare:index/r2Bucket:R2Bucket";
const LOCK = "cloudflare:index/r2BucketLock:R2BucketLock";

export function isDataStore(type: string): boolean {
  return DATA_STORES.has(type);
}

/**
 * A policy sees `protect` but not `retainOnDelete`: the engine does not tell it. Both are set by one function
 * (infra/protection.ts), and the tests of the program check both.
 */
export function dataStorePolicies(waivers: readonly Waiver[], now_ms: number): Policies {
  return [
    {
      name: "data-stores-are-protected",
      description: "A data store has `protect`, unless a waiver with a reason and an end lifts it.",
      enforcementLevel: "mandatory",
      validateResource: ({ type, name, opts }, report) => {
        if (!isDataStore(type) || opts.protect || isWaived(waivers, name, now_ms)) return;
        const waiver = waivers.find(({ resource }) => resource === name);
        const why = waiver ? waiverFlaw(waiver, now_ms) : "there is no waiver for it in prism:waivers";
        report(`${name} holds data and is not protected, and ${why}. Declare it with keep() of infra/protection.ts.`);
      },
    },
    {
      name: "immutable-prefixes-are-locked",
      description: "What is written once cannot be overwritten or deleted before its age.",
      enforcementLevel: "mandatory",
      validateStack: ({ resources }, report) => {
        for (const [noun, { prefix, days }] of Object.entries(LOCKED_PREFIXES)) {
          const { name } = BUCKETS[noun as keyof typeof LOCKED_PREFIXES];
          const bucket = resources.find((resource) => resource.type === BUCKET && resource.name === name);
          if (!bucket) continue;
          const locked = resources.some(
            ({ type, props }) =>
              type === LOCK &&
              props.bucketName === bucket.props.name &&
              (props.rules ?? []).some((rule: Record<string, unknown>) => locks(rule, prefix, days)),
          );
          if (!locked)
            report(`Objects under ${prefix} of ${name} can be deleted: lock them for ${days} days (infra/storage.ts).`);
        }
      },
    },
  ];
}

function locks(rule: Record<string, unknown>, prefix: string, days: number): boolean {
  const { type, maxAgeSeconds } = (rule.condition ?? {}) as { type?: string; maxAgeSeconds?: number };
  return (
    rule.enabled === true &&
    prefix.startsWith(String(rule.prefix ?? "")) &&
    (type === "Indefinite" || (type === "Age" && Number(maxAgeSeconds) >= days * 86_400))
  );
}
