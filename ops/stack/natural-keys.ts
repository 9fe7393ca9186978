/**
 * Which existing resource of an account is the one that the program declares: the one with its name, or whatever else says so
 * before an id is known. For adopting what was made by hand, by an older tool, or by the platform's own seed.
 */
import { unlessGone } from "../cloudflare/failures.ts";
import type { Cloudflare } from "../cloudflare/official.ts";
import { workerVersions } from "../cloudflare/worker-versions.ts";

type Inputs = Record<string, unknown>;

/** The id that the resource's own endpoint takes; null when there is no such resource. */
type Find = (client: Cloudflare, inputs: Inputs) => Promise<string | null>;

const account = ({ accountId }: Inputs) => ({ account_id: String(accountId) });

/** The first element that fits. */
async function first<T>(pages: AsyncIterable<T>, id: (one: T) => string | undefined): Promise<string | null> {
  for await (const one of pages) {
    const found = id(one);
    if (found !== undefined) return found;
  }
  return null;
}

/** By Pulumi's type token. A type that is not here cannot be recognised: an account token shows its value only once. */
const NATURAL_KEYS: Readonly<Record<string, Find>> = {
  "cloudflare:index/d1Database:D1Database": (client, inputs) =>
    first(client.d1.database.list({ ...account(inputs), name: String(inputs.name) }), ({ name, uuid }) =>
      name === inputs.name ? uuid : undefined,
    ),
  "vectorize:index:VectorizeIndex": (client, inputs) =>
    first(client.vectorize.indexes.list(account(inputs)), ({ name }) =>
      name === inputs.name ? `${inputs.accountId}/${name}` : undefined,
    ),
  "cloudflare:index/workersKvNamespace:WorkersKvNamespace": (client, inputs) =>
    first(client.kv.namespaces.list(account(inputs)), ({ title, id }) => (title === inputs.title ? id : undefined)),
  "cloudflare:index/r2Bucket:R2Bucket": async (client, inputs) => {
    const found = await unlessGone(client.r2.buckets.get(String(inputs.name), account(inputs)));
    return found?.name ?? null;
  },
  "cloudflare:index/r2BucketLifecycle:R2BucketLifecycle": async (_client, inputs) => String(inputs.bucketName),
  "cloudflare:index/r2BucketLock:R2BucketLock": async (_client, inputs) => String(inputs.bucketName),
  "cloudflare:index/queue:Queue": (client, inputs) =>
    first(client.queues.list(account(inputs)), ({ queue_name, queue_id }) =>
      queue_name === inputs.queueName ? queue_id : undefined,
    ),
  "cloudflare:index/queueConsumer:QueueConsumer": (client, inputs) =>
    first(client.queues.consumers.list(String(inputs.queueId), account(inputs)), (consumer) =>
      "script_name" in consumer && consumer.script_name === inputs.scriptName ? consumer.consumer_id : undefined,
    ),
  "cloudflare:index/worker:Worker": (client, inputs) =>
    first(client.workers.beta.workers.list(account(inputs)), ({ name, id }) => (name === inputs.name ? id : undefined)),
  "cloudflare:index/workersDeployment:WorkersDeployment": async (client, inputs) => {
    const versions = workerVersions(client, String(inputs.accountId), String(inputs.scriptName));
    const deployments = await unlessGone(versions.deployments());
    return deployments?.[0]?.id ?? null;
  },
  "cloudflare:index/workersCronTrigger:WorkersCronTrigger": async (client, inputs) => {
    const found = await unlessGone(client.workers.scripts.schedules.get(String(inputs.scriptName), account(inputs)));
    return found?.schedules?.length ? String(inputs.scriptName) : null;
  },
  "cloudflare:index/logpushJob:LogpushJob": (client, inputs) =>
    first(client.logpush.jobs.list(account(inputs)), (job) =>
      job?.name === inputs.name && job?.id !== undefined ? String(job.id) : undefined,
    ),
  "cloudflare:index/notificationPolicy:NotificationPolicy": (client, inputs) =>
    first(client.alerting.policies.list(account(inputs)), ({ name, id }) => (name === inputs.name ? id : undefined)),
  "cloudflare:index/notificationPolicyWebhooks:NotificationPolicyWebhooks": (client, inputs) =>
    first(client.alerting.destinations.webhooks.list(account(inputs)), ({ name, id }) =>
      name === inputs.name ? id : undefined,
    ),
};

/** Id of the resource that is there already, or null. Settings of a bucket are there with the bucket. */
export async function findExisting(client: Cloudflare, type: string, inputs: Inputs): Promise<string | null> {
  return (await NATURAL_KEYS[type]?.(client, inputs)) ?? null;
}
