/** The Worker: its settings, one version for each change of code or bindings, and which version serves. */
import { Worker, WorkersDeployment, WorkerVersion } from "@pulumi/cloudflare";
import * as pulumi from "@pulumi/pulumi";
import { accountId, plan } from "./account.ts";
import { workerBindings } from "./bindings.ts";
import { config, secrets, stack } from "./config.ts";
import { databases } from "./database.ts";
import { nameInStack, SECRETS, SERVICE, WORKER_SETTINGS } from "./inventory.ts";
import { namespaces } from "./key-value.ts";
import { observability } from "./observability.ts";
import { keep } from "./protection.ts";
import { queues } from "./queue.ts";
import { readRelease, versionContent } from "./release.ts";
import { buckets } from "./storage.ts";
import { vectorIndexes } from "./vectors.ts";
import { versionBindings } from "./version-bindings.ts";
import { bindingsFingerprint, writeVersionNote } from "./version-note.ts";

export const worker = new Worker(
  SERVICE,
  {
    accountId,
    name: nameInStack(SERVICE, stack),
    subdomain: { enabled: config.zone === undefined, previewsEnabled: WORKER_SETTINGS.previews_enabled },
    observability,
    logpush: plan.logpush,
  },
  // Deleting a Worker deletes its Durable Objects and what they store.
  keep(SERVICE),
);

type SecretName = (typeof SECRETS)[number];

/** Every binding of the inventory. The list as a whole is secret, for some of its elements are. */
const bindings = pulumi
  .all([
    pulumi.all(databases.map(({ resource }) => resource.id)),
    namespaces.cache.id,
    namespaces.config.id,
    pulumi.output(Object.fromEntries(SECRETS.map((name) => [name, secrets[name]])) as Pick<typeof secrets, SecretName>),
  ])
  .apply(([databaseIds, cache, configuration, secretTexts]) =>
    workerBindings({
      stack,
      database_id: databaseIds[config.database.generations.indexOf(config.database.live)] ?? "",
      kv_ids: { cache, config: configuration },
      vector_generation: config.vectors.live,
      variables: { ...config.variables, PLAN: config.plan },
      secrets: secretTexts,
    }),
  );

const release = await readRelease(config.bundle, "bundle");
const content = versionContent(release);
const note = bindings.apply((list) =>
  writeVersionNote({ schema: release.schema, fingerprint: bindingsFingerprint(list) }),
);

export const workerVersion = new WorkerVersion(
  `${SERVICE}-version`,
  {
    accountId,
    workerId: worker.id,
    ...content,
    annotations: { ...content.annotations, workersMessage: pulumi.unsecret(note) },
    bindings: bindings.apply(versionBindings),
    ...(config.cpuMs === undefined ? {} : { limits: { cpuMs: config.cpuMs } }),
  },
  {
    // A change makes a new version beside the old one, which must stay for a rollback.
    retainOnDelete: true,
    // The state holds what was bound; the provider does not mark it.
    additionalSecretOutputs: ["bindings"],
    // Bound by name, which draws no edge by itself.
    dependsOn: [...vectorIndexes.map(({ resource }) => resource), ...Object.values(buckets), ...Object.values(queues)],
  },
);

const { percentage, previous } = config.rollout;
/** The provider refuses a share of 0: a version without traffic is uploaded, and no part of the deployment. */
const share = (versionId: pulumi.Input<string>, percent: number) =>
  percent === 0 ? [] : [{ versionId, percentage: percent }];
export const workerDeployment = new WorkersDeployment(
  `${SERVICE}-deployment`,
  {
    accountId,
    scriptName: worker.name,
    strategy: "percentage",
    versions: [
      ...share(workerVersion.id, percentage),
      ...(previous === undefined ? [] : share(previous, 100 - percentage)),
    ],
  },
  // The API refuses to delete the deployment that serves, and the others are history.
  { retainOnDelete: true },
);
