/**
 * The Worker's bindings in the shape of Cloudflare's Workers API, derived from the inventory.
 *
 * The upload (Pulumi), the local platform and wrangler's config all start from this list, so a binding cannot
 * exist in one of them only.
 */
import {
  AI_BINDING,
  ANALYTICS,
  BUCKETS,
  DATABASE,
  DURABLE_OBJECTS,
  datasetName,
  generationName,
  KV_NAMESPACES,
  nameInStack,
  QUEUES,
  RATE_LIMITS,
  SECRETS,
  type SecretName,
  type Stack,
  VARIABLES,
  VECTOR_INDEX,
  VERSION_BINDING,
} from "./inventory.ts";

/** One binding as `POST /accounts/{a}/workers/scripts/{name}/versions` takes it. */
export type WorkerBinding =
  | { type: "d1"; name: string; id: string }
  | { type: "kv_namespace"; name: string; namespace_id: string }
  | { type: "r2_bucket"; name: string; bucket_name: string }
  | { type: "queue"; name: string; queue_name: string }
  | { type: "vectorize"; name: string; index_name: string }
  | { type: "ai"; name: string }
  | { type: "analytics_engine"; name: string; dataset: string }
  | { type: "version_metadata"; name: string }
  | { type: "durable_object_namespace"; name: string; class_name: string }
  | { type: "ratelimit"; name: string; namespace_id: string; simple: { limit: number; period: 10 | 60 } }
  | { type: "plain_text"; name: string; text: string }
  | { type: "secret_text"; name: string; text: string };

/** What the inventory cannot know: ids that Cloudflare assigns, live generations, secrets. */
export interface BindingFacts {
  stack: Stack;
  database_id: string;
  kv_ids: Record<keyof typeof KV_NAMESPACES, string>;
  vector_generation: number;
  variables: Partial<Record<keyof typeof VARIABLES, string>>;
  secrets: Record<SecretName, string>;
}

/** Every binding of the Worker, in the inventory's order. */
export function workerBindings(facts: BindingFacts): WorkerBinding[] {
  const { stack } = facts;
  return [
    { type: "d1", name: DATABASE.binding, id: facts.database_id },
    {
      type: "vectorize",
      name: VECTOR_INDEX.binding,
      index_name: generationName(VECTOR_INDEX, facts.vector_generation, stack),
    },
    { type: "kv_namespace", name: KV_NAMESPACES.cache.binding, namespace_id: facts.kv_ids.cache },
    { type: "kv_namespace", name: KV_NAMESPACES.config.binding, namespace_id: facts.kv_ids.config },
    ...Object.values(BUCKETS).flatMap(({ binding, name }): WorkerBinding[] =>
      binding === null ? [] : [{ type: "r2_bucket", name: binding, bucket_name: nameInStack(name, stack) }],
    ),
    ...Object.values(QUEUES).map(
      ({ binding, name }): WorkerBinding => ({ type: "queue", name: binding, queue_name: nameInStack(name, stack) }),
    ),
    ...Object.values(DURABLE_OBJECTS).map(
      (object): WorkerBinding => ({ type: "durable_object_namespace", name: object.binding, class_name: object.class }),
    ),
    ...Object.values(RATE_LIMITS).map(
      ({ binding, namespace_id, limit, period_s }): WorkerBinding => ({
        type: "ratelimit",
        name: binding,
        namespace_id,
        simple: { limit, period: period_s },
      }),
    ),
    { type: "ai", name: AI_BINDING },
    { type: "analytics_engine", name: ANALYTICS.binding, dataset: datasetName(stack) },
    { type: "version_metadata", name: VERSION_BINDING },
    ...Object.entries(VARIABLES).map(
      ([name, byStack]): WorkerBinding => ({
        type: "plain_text",
        name,
        text: facts.variables[name as keyof typeof VARIABLES] ?? byStack[stack],
      }),
    ),
    ...SECRETS.map((name): WorkerBinding => ({ type: "secret_text", name, text: facts.secrets[name] })),
  ];
}
