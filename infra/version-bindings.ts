/** The inventory's bindings in the shape of Pulumi's `WorkerVersion`. */
import type { types } from "@pulumi/cloudflare";
import type { WorkerBinding } from "./bindings.ts";

type VersionBinding = types.input.WorkerVersionBinding;

/** In the order of names: the provider sorts what it sends, and reads computed fields back by position. */
export function versionBindings(bindings: readonly WorkerBinding[]): VersionBinding[] {
  return bindings.map(versionBinding).sort((a, b) => (String(a.name) < String(b.name) ? -1 : 1));
}

function versionBinding(binding: WorkerBinding): VersionBinding {
  const { type, name } = binding;
  switch (type) {
    case "d1":
      return { type, name, id: binding.id };
    case "kv_namespace":
      return { type, name, namespaceId: binding.namespace_id };
    case "r2_bucket":
      return { type, name, bucketName: binding.bucket_name };
    case "queue":
      return { type, name, queueName: binding.queue_name };
    case "vectorize":
      return { type, name, indexName: binding.index_name };
    case "durable_object_namespace":
      return { type, name, className: binding.class_name };
    case "ratelimit":
      return { type, name, namespaceId: binding.namespace_id, simple: binding.simple };
    case "analytics_engine":
      return { type, name, dataset: binding.dataset };
    case "plain_text":
    case "secret_text":
      return { type, name, text: binding.text };
    case "ai":
    case "version_metadata":
      return { type, name };
  }
}
