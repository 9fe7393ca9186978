/**
 * The watchdog: the same bundle as a second script with its own schedule, in production and where `prism:watchdog` says so.
 * Somebody must notice when the Worker itself is dead, so it shares as little with it as possible: no database, no index,
 * no queue, no address, and the release before (`prism:watchdogBundle`, which `ops deploy` moves on).
 */
import { Worker, WorkersCronTrigger, WorkersDeployment, WorkerVersion } from "@pulumi/cloudflare";
import * as pulumi from "@pulumi/pulumi";
import { accountId, plan } from "./account.ts";
import { workerBindings } from "./bindings.ts";
import { config, secrets, stack } from "./config.ts";
import { COMPATIBILITY, nameInStack, SECRETS, type SecretName, WATCHDOG } from "./inventory.ts";
import { namespaces } from "./key-value.ts";
import { observability } from "./observability.ts";
import { keep } from "./protection.ts";
import { readRelease, versionContent } from "./release.ts";
import { versionBindings } from "./version-bindings.ts";

const BINDINGS: ReadonlySet<string> = new Set(WATCHDOG.bindings);

/** Those of the Worker's bindings, made without what the others need, so that nothing of it is waited for. */
function ownBindings([configId, given]: [
  string,
  Pick<Record<SecretName, string>, "ERROR_WEBHOOK" | "ALERT_CHANNEL_SECRETS">,
]) {
  const withheld = Object.fromEntries(SECRETS.map((name) => [name, ""])) as Record<SecretName, string>;
  const all = workerBindings({
    stack,
    database_id: "",
    kv_ids: { cache: "", config: configId },
    vector_generation: config.vectors.live,
    variables: { ...config.variables, PLAN: config.plan },
    secrets: { ...withheld, ...given },
  });
  return versionBindings(all.filter(({ name }) => BINDINGS.has(name)));
}

export const watchdog = (config.watchdog ?? stack === "production") ? await declareWatchdog() : null;

async function declareWatchdog() {
  const script = new Worker(
    WATCHDOG.name,
    {
      accountId,
      name: nameInStack(WATCHDOG.name, stack),
      subdomain: { enabled: false, previewsEnabled: false },
      observability,
      logpush: plan.logpush,
    },
    keep(WATCHDOG.name),
  );
  if (config.watchdogBundle === undefined)
    await pulumi.log.warn(
      "The watchdog gets the same release as the Worker, so that one bad release can silence both. " +
        "`ops deploy` sets prism:watchdogBundle to the release before.",
    );
  const version = new WorkerVersion(
    `${WATCHDOG.name}-version`,
    {
      accountId,
      workerId: script.id,
      ...versionContent(await readRelease(config.watchdogBundle, "watchdogBundle")),
      // It asks the Worker at its address, as callers do, and must not be led past the front door.
      compatibilityFlags: [...COMPATIBILITY.flags, "global_fetch_strictly_public"],
      bindings: pulumi
        .all([
          namespaces.config.id,
          pulumi.output({
            ERROR_WEBHOOK: secrets.ERROR_WEBHOOK,
            ALERT_CHANNEL_SECRETS: secrets.ALERT_CHANNEL_SECRETS,
          }),
        ])
        .apply(ownBindings),
    },
    { retainOnDelete: true, additionalSecretOutputs: ["bindings"] },
  );
  const deployment = new WorkersDeployment(
    `${WATCHDOG.name}-deployment`,
    {
      accountId,
      scriptName: script.name,
      strategy: "percentage",
      versions: [{ versionId: version.id, percentage: 100 }],
    },
    { retainOnDelete: true },
  );
  new WorkersCronTrigger(
    `${WATCHDOG.name}-crons`,
    { accountId, scriptName: script.name, schedules: [{ cron: WATCHDOG.cron }] },
    { dependsOn: [deployment] },
  );
  return { script, version };
}
