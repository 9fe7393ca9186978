/**
 * Makes the inventory exist in an empty local account: the same resources that `pulumi up` declares elsewhere.
 *
 * A restart with a newer bundle uploads it as a new version. A version deployed through the API (by Pulumi or
 * `ops deploy`) is left alone: what was deployed on purpose wins over what happens to lie in `dist/`.
 */
import { createHash, randomUUID } from "node:crypto";
import { workerBindings } from "../infra/bindings.ts";
import {
  BUCKETS,
  COMPATIBILITY,
  CRONS,
  DATABASE,
  generationName,
  KV_NAMESPACES,
  QUEUES,
  SERVICE,
  type VARIABLES,
  VECTOR_INDEX,
} from "../infra/inventory.ts";
import type { Registry } from "./registry.ts";
import type { Secrets } from "./state.ts";
import type { VectorizeStore } from "./vectorize/store.ts";
import { liveDeployment } from "./workerd.ts";

const SEED_ANNOTATION = "prism/seed";

export interface SeedInputs {
  registry: Registry;
  vectorize: VectorizeStore;
  bundle: string;
  secrets: Secrets;
  embedding: { model: string; dimensions: number };
  variables: Partial<Record<keyof typeof VARIABLES, string>>;
  now_ms: number;
}

/** Creates what is missing and deploys the bundle if it is new. */
export function seed(inputs: SeedInputs): void {
  const { registry, vectorize, now_ms } = inputs;
  const live = liveDeployment(registry, SERVICE);
  // Whoever deploys declares what exists as well: a generation that was given up must not come back.
  if (live && !(SEED_ANNOTATION in live.annotations)) return;
  const created = new Date(now_ms).toISOString();
  const id32 = () => randomUUID().replaceAll("-", "");

  const databaseName = generationName(DATABASE, DATABASE.generation, "local");
  let database = registry.list("d1").find(({ name }) => name === databaseName);
  if (!database) {
    database = {
      uuid: randomUUID(),
      name: databaseName,
      created_at: created,
      version: "production",
      read_replication: { mode: "disabled" },
    };
    registry.put("d1", database.uuid, database);
  }

  const kv_ids = { cache: "", config: "" };
  for (const [noun, { name }] of Object.entries(KV_NAMESPACES)) {
    const existing = registry.list("kv").find(({ title }) => title === name);
    const id = existing?.id ?? id32();
    if (!existing) registry.put("kv", id, { id, title: name, supports_url_encoding: true });
    kv_ids[noun as keyof typeof kv_ids] = id;
  }
  for (const { name } of Object.values(BUCKETS)) {
    if (registry.get("r2", name)) continue;
    registry.put("r2", name, {
      name,
      creation_date: created,
      location: "WNAM",
      storage_class: "Standard",
      lifecycle_rules: [],
      lock_rules: [],
    });
  }
  for (const queue of Object.values(QUEUES)) {
    if (registry.list("queue").some(({ queue_name }) => queue_name === queue.name)) continue;
    const id = id32();
    registry.put("queue", id, {
      queue_id: id,
      queue_name: queue.name,
      created_on: created,
      modified_on: created,
      settings: {},
      consumers: [
        {
          consumer_id: id32(),
          type: "worker",
          script_name: SERVICE,
          created_on: created,
          ...("dead_letter" in queue ? { dead_letter_queue: queue.dead_letter } : {}),
          settings: {
            batch_size: queue.consumer.max_batch_size,
            max_wait_time_ms: queue.consumer.max_batch_timeout_s * 1000,
            max_retries: queue.consumer.max_retries,
            retry_delay: queue.consumer.retry_delay_s,
            max_concurrency: queue.consumer.max_concurrency,
          },
        },
      ],
    });
  }
  seedVectorIndex(vectorize, inputs.embedding);

  if (!registry.get("script", SERVICE)) {
    registry.put("script", SERVICE, {
      id: SERVICE,
      created_on: created,
      modified_on: created,
      schedules: Object.values(CRONS.worker).map((cron) => ({ cron, created_on: created, modified_on: created })),
      subdomain_enabled: true,
      settings: {},
    });
  }
  const bindings = workerBindings({
    stack: "local",
    database_id: database.uuid,
    kv_ids,
    vector_generation: VECTOR_INDEX.generation,
    variables: { EMBEDDING_MODEL: inputs.embedding.model, ...inputs.variables },
    secrets: inputs.secrets,
  });
  const fingerprint = createHash("sha256")
    .update(JSON.stringify([inputs.bundle, bindings]))
    .digest("hex");
  if (live?.annotations[SEED_ANNOTATION] !== fingerprint) {
    const version_id = randomUUID();
    registry.put("version", version_id, {
      id: version_id,
      script_name: SERVICE,
      number: registry.list("version").filter(({ script_name }) => script_name === SERVICE).length + 1,
      created_on: created,
      compatibility_date: COMPATIBILITY.date,
      compatibility_flags: [...COMPATIBILITY.flags],
      main_module: "worker.js",
      modules: { "worker.js": { content: inputs.bundle, content_type: "application/javascript+module" } },
      bindings,
      annotations: {},
    });
    const deployment_id = randomUUID();
    registry.put("deployment", deployment_id, {
      id: deployment_id,
      script_name: SERVICE,
      created_on: created,
      source: "local",
      strategy: "percentage",
      versions: [{ version_id, percentage: 100 }],
      annotations: { [SEED_ANNOTATION]: fingerprint },
    });
  }
}

function seedVectorIndex(vectorize: VectorizeStore, embedding: { model: string; dimensions: number }): void {
  const name = generationName(VECTOR_INDEX, VECTOR_INDEX.generation, "local");
  const existing = vectorize.listIndexes().find((index) => index.name === name);
  if (existing) {
    if (existing.config.dimensions === embedding.dimensions) return;
    throw new Error(
      `the index ${name} has ${existing.config.dimensions} dimensions but ${embedding.model} gives ${embedding.dimensions}: ` +
        "choose a model with the same dimensions, or start with another --data folder (or --ephemeral)",
    );
  }
  vectorize.createIndex({
    name,
    description: "Chunks of documents, one namespace a tenant",
    config: { dimensions: embedding.dimensions, metric: VECTOR_INDEX.metric },
  });
  for (const { property, type } of VECTOR_INDEX.metadata_indexes) vectorize.createMetadataIndex(name, property, type);
}
