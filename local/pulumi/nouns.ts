/**
 * Every resource type that the program declares and the local platform has. What cannot change in place follows the
 * official provider's documentation.
 */
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Properties } from "../../infra/provider/plugin.ts";
import { isObject } from "../../worker/ground/json.ts";
import { apiPolicy, declaredPolicy } from "./notification-names.ts";
import { collection, type Declared, type Noun, setting } from "./noun.ts";

const script = ({ scriptName }: Properties) => `/workers/scripts/${scriptName}`;
const bucket = ({ bucketName }: Properties) => `/r2/buckets/${bucketName}`;
const list = (value: unknown): Properties[] => (Array.isArray(value) ? value.filter(isObject) : []);

/** Where the engine starts providers: the official one takes relative paths from there. */
export const PROGRAM_FOLDER = join(import.meta.dirname, "../../infra");

/** A module's file, read; the API takes the content alone. */
const uploaded = ({ content_file, ...module }: Properties): Properties =>
  content_file === undefined
    ? module
    : { ...module, content_base64: readFileSync(resolve(PROGRAM_FOLDER, String(content_file)), "base64") };

/** A version's annotations have a slash in the API. */
const annotations = (value: unknown, rename: (name: string) => string): Properties =>
  isObject(value) ? Object.fromEntries(Object.entries(value).map(([name, text]) => [rename(name), text])) : {};

/** A policy's resources are JSON text in Pulumi, and an object in the API. */
const policies = (value: unknown, resources: (value: unknown) => unknown) =>
  list(value).map((policy) => ({ ...policy, resources: resources(policy.resources) }));

/** The path says which zone it is. */
const ofZone = ({ body: { zone_id: _, ...body } }: Declared): Properties => body;

export const NOUNS: Record<string, Noun> = {
  "cloudflare:index/d1Database:D1Database": collection({
    path: () => "/d1/database",
    id: "uuid",
    change: "patch",
    fixed: ["name", "jurisdiction", "primaryLocationHint"],
  }),
  "cloudflare:index/workersKvNamespace:WorkersKvNamespace": collection({
    path: () => "/storage/kv/namespaces",
    id: "id",
    change: "put",
    fixed: ["jurisdiction"],
  }),
  "cloudflare:index/r2Bucket:R2Bucket": collection({
    path: () => "/r2/buckets",
    id: "name",
    change: null,
    fixed: ["name", "location", "jurisdiction", "storageClass"],
    spelled_alike: true,
    import_path: ["accountId", "id", "jurisdiction"],
    body: ({ given: { name, location, storageClass } }) => ({ name, locationHint: location, storageClass }),
    shown: ({ name, location, creation_date, storage_class, jurisdiction }) => ({
      ...{ name, location, jurisdiction },
      ...{ creationDate: creation_date, storageClass: storage_class },
    }),
  }),
  "cloudflare:index/r2BucketLifecycle:R2BucketLifecycle": setting({
    path: (properties) => `${bucket(properties)}/lifecycle`,
    of: "bucketName",
    change: "put",
    spelled_alike: true,
    body: ({ given: { rules = [] } }) => ({ rules }),
    clear: (api, path) => api.send("put", path, { rules: [] }),
  }),
  "cloudflare:index/r2BucketLock:R2BucketLock": setting({
    path: (properties) => `${bucket(properties)}/lock`,
    of: "bucketName",
    change: "put",
    spelled_alike: true,
    body: ({ given: { rules = [] } }) => ({ rules }),
    clear: (api, path) => api.send("put", path, { rules: [] }),
  }),
  "cloudflare:index/queue:Queue": collection({
    path: () => "/queues",
    id: "queue_id",
    change: "put",
    fixed: ["jurisdiction"],
    after_create: async (api, id, { body }) => body.settings && (await api.send("patch", `/queues/${id}`, body)),
  }),
  "cloudflare:index/queueConsumer:QueueConsumer": collection({
    path: ({ queueId }) => `/queues/${queueId}/consumers`,
    id: "consumer_id",
    change: "put",
    fixed: ["queueId"],
    import_path: ["accountId", "queueId", "id"],
  }),
  "cloudflare:index/worker:Worker": collection({
    path: () => "/workers/workers",
    id: "id",
    // The whole of it: what is not declared has its default again.
    change: "put",
    // The real provider renames; the local platform does not.
    fixed: ["name"],
  }),
  "cloudflare:index/workerVersion:WorkerVersion": collection({
    path: ({ workerId }) => `/workers/workers/${workerId}/versions`,
    id: "id",
    change: null,
    fixed: "all",
    import_path: ["accountId", "workerId", "id"],
    body: ({ given, body: { worker_id: _, ...body } }) => ({
      ...body,
      modules: list(body.modules).map(uploaded),
      annotations: annotations(given.annotations, (name) =>
        name.replace(/^workers([A-Z])/, (_all, letter: string) => `workers/${letter.toLowerCase()}`),
      ),
    }),
    shown: (live) => ({
      ...live,
      annotations: annotations(live.annotations, (name) => name.replace("workers/", "workers_")),
    }),
  }),
  "cloudflare:index/workersDeployment:WorkersDeployment": collection({
    path: (properties) => `${script(properties)}/deployments`,
    id: "id",
    change: null,
    fixed: "all",
    import_path: ["accountId", "scriptName", "id"],
    body: ({ body: { strategy, versions } }) => ({ strategy, versions }),
  }),
  "cloudflare:index/workersCronTrigger:WorkersCronTrigger": setting({
    path: (properties) => `${script(properties)}/schedules`,
    of: "scriptName",
    change: "put",
    body: ({ body }) => list(body.schedules).map(({ cron }) => ({ cron })),
    clear: (api, path) => api.send("put", path, []),
  }),
  "cloudflare:index/workersScriptSubdomain:WorkersScriptSubdomain": setting({
    path: (properties) => `${script(properties)}/subdomain`,
    of: "scriptName",
    change: "post",
    body: ({ body: { enabled, previews_enabled } }) => ({ enabled, previews_enabled }),
    clear: (api, path) => api.send("delete", path),
  }),
  "cloudflare:index/accountToken:AccountToken": collection({
    path: () => "/tokens",
    id: "id",
    change: "put",
    fixed: [],
    body: ({ body }) => ({ ...body, policies: policies(body.policies, (text) => JSON.parse(String(text))) }),
    shown: (live) => ({ ...live, policies: policies(live.policies, (resources) => JSON.stringify(resources)) }),
  }),
  "cloudflare:index/logpushJob:LogpushJob": collection({
    path: () => "/logpush/jobs",
    id: "id",
    change: "put",
    fixed: ["dataset", "kind", "zoneId"],
    import_path: ["accountId", "id"],
  }),
  "cloudflare:index/notificationPolicy:NotificationPolicy": collection({
    path: () => "/alerting/v3/policies",
    id: "id",
    change: "put",
    fixed: [],
    body: ({ body }) => apiPolicy(body),
    shown: declaredPolicy,
  }),
  "cloudflare:index/notificationPolicyWebhooks:NotificationPolicyWebhooks": collection({
    path: () => "/alerting/v3/destinations/webhooks",
    id: "id",
    change: "put",
    fixed: [],
  }),
  "cloudflare:index/workersCustomDomain:WorkersCustomDomain": collection({
    path: () => "/workers/domains",
    id: "id",
    add: "put",
    change: null,
    fixed: "all",
  }),
  "cloudflare:index/ruleset:Ruleset": collection({
    path: () => "/rulesets",
    id: "id",
    change: "put",
    fixed: ["kind", "phase", "zoneId"],
    import_path: ["zoneId", "id"],
    body: ofZone,
  }),
  "cloudflare:index/healthcheck:Healthcheck": collection({
    path: () => "/healthchecks",
    id: "id",
    change: "put",
    fixed: ["zoneId"],
    import_path: ["zoneId", "id"],
    body: ofZone,
  }),
};
