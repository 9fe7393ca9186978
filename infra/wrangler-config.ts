/**
 * `wrangler.jsonc`, generated from the inventory (`npm run generate`), for people who use wrangler's own commands on
 * a stack. Nothing in this repository deploys with it; a test checks that it is fresh.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  AI_BINDING,
  ANALYTICS,
  BUCKETS,
  COMPATIBILITY,
  CRONS,
  DATABASE,
  DURABLE_OBJECTS,
  datasetName,
  generationName,
  KV_NAMESPACES,
  QUEUES,
  RATE_LIMITS,
  SERVICE,
  VARIABLES,
  VECTOR_INDEX,
  VERSION_BINDING,
} from "./inventory.ts";

const PATH = join(import.meta.dirname, "../wrangler.jsonc");

/** The file's text for the production stack. Ids are Cloudflare's to assign, so names stand where wrangler takes them. */
export function wranglerConfig(): string {
  const config = {
    $schema: "node_modules/wrangler/config-schema.json",
    name: SERVICE,
    main: "worker/index.ts",
    compatibility_date: COMPATIBILITY.date,
    compatibility_flags: COMPATIBILITY.flags,
    observability: { enabled: true },
    triggers: { crons: Object.values(CRONS.worker) },
    d1_databases: [
      {
        binding: DATABASE.binding,
        database_name: generationName(DATABASE, DATABASE.generation, "production"),
        migrations_dir: "worker/migrations",
      },
    ],
    vectorize: [
      {
        binding: VECTOR_INDEX.binding,
        index_name: generationName(VECTOR_INDEX, VECTOR_INDEX.generation, "production"),
      },
    ],
    kv_namespaces: Object.values(KV_NAMESPACES).map(({ binding }) => ({ binding })),
    r2_buckets: Object.values(BUCKETS).flatMap(({ binding, name }) =>
      binding === null ? [] : [{ binding, bucket_name: name }],
    ),
    queues: {
      producers: Object.values(QUEUES).map(({ binding, name }) => ({ binding, queue: name })),
      consumers: Object.values(QUEUES).map((queue) => ({
        queue: queue.name,
        max_batch_size: queue.consumer.max_batch_size,
        max_batch_timeout: queue.consumer.max_batch_timeout_s,
        max_retries: queue.consumer.max_retries,
        retry_delay: queue.consumer.retry_delay_s,
        max_concurrency: queue.consumer.max_concurrency,
        ...("dead_letter" in queue ? { dead_letter_queue: queue.dead_letter } : {}),
      })),
    },
    durable_objects: {
      bindings: Object.values(DURABLE_OBJECTS).map((object) => ({ name: object.binding, class_name: object.class })),
    },
    exports: Object.fromEntries(
      Object.values(DURABLE_OBJECTS).map((object) => [object.class, { type: "durable-object", storage: "sqlite" }]),
    ),
    ratelimits: Object.values(RATE_LIMITS).map(({ binding, namespace_id, limit, period_s }) => ({
      name: binding,
      namespace_id,
      simple: { limit, period: period_s },
    })),
    analytics_engine_datasets: [{ binding: ANALYTICS.binding, dataset: datasetName("production") }],
    ai: { binding: AI_BINDING },
    version_metadata: { binding: VERSION_BINDING },
    vars: Object.fromEntries(Object.entries(VARIABLES).map(([name, byStack]) => [name, byStack.production])),
  };
  return `// Generated from infra/inventory.ts by \`npm run generate\`: change that file instead.\n${JSON.stringify(config, null, 2)}\n`;
}

if (import.meta.main) {
  writeFileSync(PATH, wranglerConfig());
  console.log("wrangler.jsonc written");
}
