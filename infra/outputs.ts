/** What a stack tells: all that ops needs besides an API token. `pulumi stack output --json --show-secrets` gives it. */
import { z } from "zod";
import { BUCKETS, KV_NAMESPACES, QUEUES, STACKS } from "./inventory.ts";
import { nounKeys } from "./nouns.ts";

const named = z.strictObject({ name: z.string(), id: z.string() });
const s3Credentials = z.strictObject({ access_key_id: z.string(), secret_access_key: z.string() });

/** Ops parses the outputs with this; a test holds the program to it. Fields that are secret in the state say so. */
export const stackOutputs = z.strictObject({
  stack: z.enum(STACKS),
  plan: z.enum(["free", "paid"]),
  account_id: z.string(),
  /** Base of the HTTP API, without a trailing slash. */
  url: z.string(),
  worker: named.extend({
    version_id: z.string(),
    deployment_id: z.string(),
    crons: z.array(z.string()),
    logpush: z.boolean(),
  }),
  /** Null outside production. */
  watchdog: named.extend({ version_id: z.string(), crons: z.array(z.string()) }).nullable(),
  database: z.strictObject({ live: z.number(), generations: z.array(named.extend({ generation: z.number() })) }),
  vectors: z.strictObject({
    live: z.number(),
    generations: z.array(z.strictObject({ generation: z.number(), name: z.string(), dimensions: z.number() })),
  }),
  kv: z.record(z.enum(nounKeys(KV_NAMESPACES)), z.string()),
  /** Names. */
  buckets: z.record(z.enum(nounKeys(BUCKETS)), z.string()),
  queues: z.record(z.enum(nounKeys(QUEUES)), named),
  s3: z.strictObject({
    endpoint: z.string(),
    /** Secret keys are secret. */
    credentials: z.strictObject({ backup: s3Credentials, restore: s3Credentials, reports: s3Credentials }),
  }),
  /** API tokens by job. Secret. */
  tokens: z.strictObject({ deploy: z.string(), backup: z.string(), restore: z.string(), reports: z.string() }),
  /** The Worker's `API_SECRET`. Secret. */
  api_secret: z.string(),
  logpush_job_id: z.string().nullable(),
  /** Alert types of Cloudflare that this account cannot have. */
  missing_alerts: z.array(z.string()),
  /** For an uptime service outside Cloudflare. */
  monitors: z.array(
    z.strictObject({
      name: z.string(),
      url: z.string(),
      method: z.string(),
      expected_status: z.number(),
      interval_s: z.number(),
    }),
  ),
});
export type StackOutputs = z.infer<typeof stackOutputs>;

/** The generation of a store that is live; undefined where it is none of those that exist. */
export function liveOf<Generation extends { generation: number }>(store: {
  live: number;
  generations: readonly Generation[];
}): Generation | undefined {
  return store.generations.find(({ generation }) => generation === store.live);
}
