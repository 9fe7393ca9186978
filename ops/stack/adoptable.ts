/** Which of the declared resources exist already, and by which id Pulumi takes them over. */
import { hasUnknown } from "../../infra/provider/unknowns.ts";
import { NOUNS } from "../../local/pulumi/nouns.ts";
import type { Cloudflare } from "../cloudflare/official.ts";
import type { UnmanagedResource } from "./driver.ts";
import { findExisting } from "./natural-keys.ts";

export interface Adoptable {
  type: string;
  name: string;
  /** As `pulumi import` takes it. */
  id: string;
  /** What to do where Pulumi cannot take it over; null where it can. */
  remedy: string | null;
}

/** `pulumi import` has no way for these, and they need none: the next `up` sets them, whatever they were. */
const SET_ANEW: ReadonlySet<string> = new Set([
  "cloudflare:index/r2BucketLifecycle:R2BucketLifecycle",
  "cloudflare:index/r2BucketLock:R2BucketLock",
  // A deployment is one of many: the next one is made beside it.
  "cloudflare:index/workersDeployment:WorkersDeployment",
]);
const CONSUMER = "cloudflare:index/queueConsumer:QueueConsumer";
/** Types whose import id says what owns them in words. */
const OWNER_IN_WORDS: Readonly<Record<string, string>> = {
  "cloudflare:index/logpushJob:LogpushJob": "accounts/",
  "cloudflare:index/ruleset:Ruleset": "zones/",
};

/** Those that exist, in the program's order. Consumers of a queue that the stack does not know yet cannot be looked for. */
export async function adoptable(client: Cloudflare, unmanaged: readonly UnmanagedResource[]): Promise<Adoptable[]> {
  const found: Adoptable[] = [];
  for (const { type, name, inputs } of unmanaged) {
    if (SET_ANEW.has(type)) continue;
    if (hasUnknown(inputs.queueId)) continue;
    const own = await findExisting(client, type, inputs);
    if (own === null) continue;
    const remedy =
      type === CONSUMER
        ? "Pulumi cannot import a consumer: npx wrangler queues consumer remove, then let the next deployment make it"
        : null;
    found.push({ type, name, id: importId(type, inputs, own), remedy });
  }
  return found;
}

/** The id as the official provider documents it for each type. */
function importId(type: string, inputs: Record<string, unknown>, own: string): string {
  const path = NOUNS[type]?.import_path;
  // The Vectorize provider's ids are whole already.
  if (path === undefined) return own;
  const last = path.findLastIndex((part) => part !== "jurisdiction");
  const parts = path.map((part, at) => {
    if (at === last) return own;
    return part === "jurisdiction" ? String(inputs.jurisdiction ?? "default") : String(inputs[part]);
  });
  return `${OWNER_IN_WORDS[type] ?? ""}${parts.join("/")}`;
}
