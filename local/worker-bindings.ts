/** What a version's bindings are in workerd, and the names under which Workers find each other there. */
import type { V4WorkerOptionsShape } from "miniflare";
import { bucketStorageName } from "./bucket-storage.ts";
import type { Registry, VersionRecord } from "./registry.ts";

/** What the Worker's bindings lead to, where no engine of workerd is behind them. */
export const PLATFORM_WORKER = "prism-platform";

/** A Worker's name in workerd, which nobody can guess who does not know the platform's secret. */
export function hiddenName(name: string, { gateway_secret }: { gateway_secret: string }): string {
  return `${name}--${gateway_secret}`;
}

/** The name of one version of a script. */
export function workerName(version: VersionRecord): string {
  return `${version.script_name}--${version.id}`;
}

/** Miniflare's options for the bindings of `version`; `primary` is the version whose Durable Objects all versions share. */
export function bindingOptions(
  inputs: { registry: Registry; gateway_secret: string; bucket_secret: string },
  version: VersionRecord,
  primary: VersionRecord,
): Partial<V4WorkerOptionsShape> {
  const { registry } = inputs;
  const d1Databases: Record<string, string> = {};
  const kvNamespaces: Record<string, string> = {};
  const r2Buckets: Record<string, string> = {};
  const durableObjects: NonNullable<V4WorkerOptionsShape["durableObjects"]> = {};
  const ratelimits: NonNullable<V4WorkerOptionsShape["ratelimits"]> = {};
  const serviceBindings: NonNullable<V4WorkerOptionsShape["serviceBindings"]> = {};
  const bindings: NonNullable<V4WorkerOptionsShape["bindings"]> = {};
  const options: Partial<V4WorkerOptionsShape> = {
    d1Databases,
    kvNamespaces,
    r2Buckets,
    durableObjects,
    ratelimits,
    serviceBindings,
    bindings,
  };
  // Whatever was deleted after the deployment is a binding that the Worker lacks; a deployment of it would be refused.
  for (const binding of version.bindings) {
    switch (binding.type) {
      case "d1":
        if (registry.get("d1", binding.id)) d1Databases[binding.name] = binding.id;
        break;
      case "kv_namespace":
        if (registry.get("kv", binding.namespace_id)) kvNamespaces[binding.name] = binding.namespace_id;
        break;
      case "r2_bucket":
        if (registry.get("r2", binding.bucket_name))
          r2Buckets[binding.name] = bucketStorageName(binding.bucket_name, inputs.bucket_secret);
        break;
      case "queue":
        serviceBindings[binding.name] = {
          name: hiddenName(PLATFORM_WORKER, inputs),
          entrypoint: "QueueBinding",
          props: { queue_name: binding.queue_name },
        };
        break;
      case "durable_object_namespace":
        durableObjects[binding.name] = {
          className: binding.class_name,
          useSQLite: true,
          // Objects belong to the script, not to one of its versions.
          unsafeUniqueKey: `${version.script_name}-${binding.class_name}`,
          ...(version.id === primary.id ? {} : { scriptName: hiddenName(workerName(primary), inputs) }),
        };
        break;
      case "ratelimit":
        ratelimits[binding.name] = { namespace_id: binding.namespace_id, simple: binding.simple };
        break;
      case "vectorize":
        serviceBindings[binding.name] = {
          name: hiddenName(PLATFORM_WORKER, inputs),
          entrypoint: "VectorizeBinding",
          props: { index_name: binding.index_name },
        };
        break;
      case "ai":
        serviceBindings[binding.name] = { name: hiddenName(PLATFORM_WORKER, inputs), entrypoint: "AiBinding" };
        break;
      case "analytics_engine":
        // Miniflare's own takes data points and drops them.
        serviceBindings[binding.name] = {
          name: hiddenName(PLATFORM_WORKER, inputs),
          entrypoint: "AnalyticsBinding",
          props: { dataset: binding.dataset },
        };
        break;
      case "version_metadata":
        // Miniflare would make up an id; it is the one that the API deploys by and answers are recognised by.
        bindings[binding.name] = {
          id: version.id,
          tag: version.annotations["workers/tag"] ?? "",
          timestamp: version.created_on,
        };
        break;
      case "plain_text":
      case "secret_text":
        bindings[binding.name] = binding.text;
        break;
    }
  }
  return options;
}
