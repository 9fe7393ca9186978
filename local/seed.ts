/**
 * Makes the account of a local platform what `pulumi up` makes it elsewhere: the same records, through the same API.
 *
 * A restart makes what is missing, and a newer bundle a new version. What was deployed on purpose (by Pulumi or `ops deploy`)
 * is left alone: it wins over what happens to lie in the checkout.
 */
import { createHash } from "node:crypto";
import { ACCOUNT_ALERTS, ALERT_WEBHOOK_PATH } from "../infra/account-alerts.ts";
import { type WorkerBinding, workerBindings } from "../infra/bindings.ts";
import { type Bucket, LOCK_RULES, lifecycleRules } from "../infra/bucket-rules.ts";
import {
  BUCKETS,
  COMPATIBILITY,
  cronsOf,
  DATABASE,
  generationName,
  KV_NAMESPACES,
  nameInStack,
  QUEUES,
  SERVICE,
  type VARIABLES,
  VECTOR_INDEX,
  WORKER_SETTINGS,
} from "../infra/inventory.ts";
import { AccountApi, type AccountApiInputs } from "./account-api.ts";
import { FOREIGN_VECTORS_REMEDY } from "./foreign-vectors.ts";
import { apiPolicy } from "./pulumi/notification-names.ts";
import { snake } from "./pulumi/spelling.ts";
import type { Secrets } from "./state.ts";

/** Of a deployment: what it was made of. Only the seed's own have it. */
const SEED_ANNOTATION = "prism/seed";
const STACK = "local";
const MAIN_MODULE = "worker.js";
const WORKER = nameInStack(SERVICE, STACK);

export interface SeedInputs extends AccountApiInputs {
  /** Where the service will answer. */
  url: string;
  bundle: string;
  secrets: Secrets;
  /** Dimensions are null where the model cannot be asked now. */
  embedding: { model: string; dimensions: number | null };
  variables: Partial<Record<keyof typeof VARIABLES, string>>;
}

/** Creates what is missing and deploys the bundle if it is new. @throws Error with what the API refused, and why. */
export async function seed(inputs: SeedInputs): Promise<void> {
  const api = new AccountApi(inputs);
  const live = await liveDeployment(api);
  // Whoever deploys declares what exists as well: a generation that was given up must not come back.
  if (live && !(SEED_ANNOTATION in live.annotations)) return;
  const model = inputs.variables.EMBEDDING_MODEL ?? inputs.embedding.model;
  const database_id = await seedDatabase(api);
  await seedVectorIndex(api, { ...inputs.embedding, model });
  const kv_ids = { cache: await seedNamespace(api, "cache"), config: await seedNamespace(api, "config") };
  for (const bucket of Object.keys(BUCKETS)) await seedBucket(api, bucket as Bucket);
  for (const queue of Object.keys(QUEUES)) await seedQueue(api, queue as Queue);
  const bindings = workerBindings({
    stack: STACK,
    database_id,
    kv_ids,
    vector_generation: VECTOR_INDEX.generation,
    variables: { ...inputs.variables, EMBEDDING_MODEL: model },
    secrets: inputs.secrets,
  });
  await seedWorker(api, inputs.bundle, bindings, live?.annotations[SEED_ANNOTATION]);
  for (const queue of Object.keys(QUEUES)) await seedConsumer(api, queue as Queue);
  await seedCrons(api);
  await seedAlerts(api, `${inputs.url}${ALERT_WEBHOOK_PATH}`, inputs.secrets.ALERT_WEBHOOK_SECRET);
}

interface Deployment {
  annotations: Record<string, string>;
}

/** The deployment that serves. */
async function liveDeployment(api: AccountApi): Promise<Deployment | undefined> {
  const found = await api.find<{ deployments: Deployment[] }>(`/workers/scripts/${WORKER}/deployments`);
  return found?.deployments[0];
}

async function seedDatabase(api: AccountApi): Promise<string> {
  const name = generationName(DATABASE, DATABASE.generation, STACK);
  const existing = (await api.list<{ name: string; uuid: string }>("/d1/database")).find((one) => one.name === name);
  const { uuid } = existing ?? (await api.send<{ uuid: string }>("POST", "/d1/database", { name }));
  return uuid;
}

async function seedVectorIndex(api: AccountApi, { model, dimensions }: SeedInputs["embedding"]): Promise<void> {
  const name = generationName(VECTOR_INDEX, VECTOR_INDEX.generation, STACK);
  const path = "/vectorize/v2/indexes";
  const indexes = await api.list<{ name: string; config: { dimensions: number } }>(path);
  const existing = indexes.find((one) => one.name === name);
  if (existing) {
    if (dimensions !== null && existing.config.dimensions !== dimensions)
      throw new Error(
        `the index ${name} has ${existing.config.dimensions} dimensions but ${model} gives ${dimensions}: ${FOREIGN_VECTORS_REMEDY}`,
      );
    return;
  }
  if (dimensions === null) throw new Error(`the dimensions of ${model} are not known`);
  const { description, metric, metadata_indexes } = VECTOR_INDEX;
  await api.send("POST", path, { name, description, config: { dimensions, metric } });
  for (const { property, type } of metadata_indexes)
    await api.send("POST", `${path}/${name}/metadata_index/create`, { propertyName: property, indexType: type });
}

async function seedNamespace(api: AccountApi, noun: keyof typeof KV_NAMESPACES): Promise<string> {
  const title = nameInStack(KV_NAMESPACES[noun].name, STACK);
  const namespaces = await api.list<{ id: string; title: string }>("/storage/kv/namespaces");
  const existing = namespaces.find((one) => one.title === title);
  const { id } = existing ?? (await api.send<{ id: string }>("POST", "/storage/kv/namespaces", { title }));
  return id;
}

async function seedBucket(api: AccountApi, noun: Bucket): Promise<void> {
  const name = nameInStack(BUCKETS[noun].name, STACK);
  if (await api.find(`/r2/buckets/${name}`)) return;
  await api.send("POST", "/r2/buckets", { name });
  await api.send("PUT", `/r2/buckets/${name}/lifecycle`, { rules: lifecycleRules(noun) });
  const lock = LOCK_RULES.find(({ bucket }) => bucket === noun);
  if (lock) await api.send("PUT", `/r2/buckets/${name}/lock`, { rules: lock.rules });
}

type Queue = keyof typeof QUEUES;

async function queueId(api: AccountApi, noun: Queue): Promise<string | undefined> {
  const name = nameInStack(QUEUES[noun].name, STACK);
  const queues = await api.list<{ queue_id: string; queue_name: string }>("/queues");
  return queues.find(({ queue_name }) => queue_name === name)?.queue_id;
}

async function seedQueue(api: AccountApi, noun: Queue): Promise<void> {
  if (await queueId(api, noun)) return;
  await api.send("POST", "/queues", { queue_name: nameInStack(QUEUES[noun].name, STACK) });
}

async function seedConsumer(api: AccountApi, noun: Queue): Promise<void> {
  const path = `/queues/${await queueId(api, noun)}/consumers`;
  if ((await api.list(path)).length > 0) return;
  const queue = QUEUES[noun];
  const { consumer } = queue;
  await api.send("POST", path, {
    type: "worker",
    script_name: WORKER,
    ...("dead_letter" in queue ? { dead_letter_queue: nameInStack(queue.dead_letter, STACK) } : {}),
    settings: {
      batch_size: consumer.max_batch_size,
      max_wait_time_ms: consumer.max_batch_timeout_s * 1000,
      max_retries: consumer.max_retries,
      retry_delay: consumer.retry_delay_s,
      max_concurrency: consumer.max_concurrency,
    },
  });
}

/** `deployed`: fingerprint of what serves. */
async function seedWorker(
  api: AccountApi,
  bundle: string,
  bindings: readonly WorkerBinding[],
  deployed: string | undefined,
): Promise<void> {
  const { observability, previews_enabled } = WORKER_SETTINGS;
  if (!(await api.find(`/workers/workers/${WORKER}`)))
    await api.send("POST", "/workers/workers", {
      name: WORKER,
      observability,
      subdomain: { enabled: true, previews_enabled },
    });
  const fingerprint = createHash("sha256").update(bundle).update(JSON.stringify(bindings)).digest("hex");
  if (deployed === fingerprint) return;
  const content_base64 = Buffer.from(bundle).toString("base64");
  const { id } = await api.send<{ id: string }>("POST", `/workers/workers/${WORKER}/versions`, {
    main_module: MAIN_MODULE,
    modules: [{ name: MAIN_MODULE, content_type: "application/javascript+module", content_base64 }],
    compatibility_date: COMPATIBILITY.date,
    compatibility_flags: COMPATIBILITY.flags,
    bindings,
  });
  await api.send("POST", `/workers/scripts/${WORKER}/deployments`, {
    strategy: "percentage",
    versions: [{ version_id: id, percentage: 100 }],
    annotations: { [SEED_ANNOTATION]: fingerprint },
  });
}

async function seedCrons(api: AccountApi): Promise<void> {
  const path = `/workers/scripts/${WORKER}/schedules`;
  const found = await api.find<{ schedules: unknown[] }>(path);
  if (found?.schedules.length === 0)
    await api.send(
      "PUT",
      path,
      cronsOf(STACK).map((cron) => ({ cron })),
    );
}

/** Cloudflare's notifications to the service, wherever it answers this time. */
async function seedAlerts(api: AccountApi, url: string, secret: string): Promise<void> {
  const path = "/alerting/v3/destinations/webhooks";
  const name = nameInStack(SERVICE, STACK);
  const existing = (await api.list<{ id: string; name: string; url: string }>(path)).find((one) => one.name === name);
  if (existing && existing.url !== url) await api.send("PUT", `${path}/${existing.id}`, { name, url, secret });
  const { id } = existing ?? (await api.send<{ id: string }>("POST", path, { name, url, secret }));
  const policies = await api.list<{ name: string }>("/alerting/v3/policies");
  for (const { name: alert, alertType, description, filters } of ACCOUNT_ALERTS) {
    const policy = `${name} ${alert}`;
    if (policies.some((one) => one.name === policy)) continue;
    await api.send(
      "POST",
      "/alerting/v3/policies",
      apiPolicy({
        name: policy,
        description,
        enabled: true,
        alert_type: alertType,
        ...(filters && {
          filters: Object.fromEntries(Object.entries(filters).map(([filter, values]) => [snake(filter), values])),
        }),
        mechanisms: { webhooks: [{ id }] },
      }),
    );
  }
}
