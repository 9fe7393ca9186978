/** `pulumi up`: everything that PRISM is made of, and what the stack tells about itself. One file beside this one a noun. */
import { type Output, secret } from "@pulumi/pulumi";
import { accountId, plan } from "./account.ts";
import { config, secrets, stack } from "./config.ts";
import "./consumers.ts";
import { databases } from "./database.ts";
import { monitors, url } from "./domain.ts";
import { WATCHDOG } from "./inventory.ts";
import { namespaces } from "./key-value.ts";
import { logpushJob } from "./logs.ts";
import { missingAlerts } from "./notifications.ts";
import { mapNouns } from "./nouns.ts";
import type { StackOutputs } from "./outputs.ts";
import { queues } from "./queue.ts";
import { crons } from "./schedule.ts";
import { buckets } from "./storage.ts";
import { s3Credentials, tokens } from "./tokens.ts";
import { vectorIndexes } from "./vectors.ts";
import { watchdog } from "./watchdog.ts";
import { worker, workerDeployment, workerVersion } from "./worker.ts";

/** A value that may have outputs anywhere inside. */
type Declared<T> =
  | Output<T>
  | (T extends readonly (infer E)[] ? Declared<E>[] : T extends object ? { [K in keyof T]: Declared<T[K]> } : T);

export default {
  stack,
  plan: config.plan,
  account_id: accountId,
  url,
  worker: {
    name: worker.name,
    id: worker.id,
    version_id: workerVersion.id,
    deployment_id: workerDeployment.id,
    crons,
    logpush: plan.logpush,
  },
  watchdog: watchdog && {
    name: watchdog.script.name,
    id: watchdog.script.id,
    version_id: watchdog.version.id,
    crons: [WATCHDOG.cron],
  },
  database: {
    live: config.database.live,
    generations: databases.map(({ generation, name, resource }) => ({ generation, name, id: resource.id })),
  },
  vectors: {
    live: config.vectors.live,
    generations: vectorIndexes.map(({ generation, name, dimensions }) => ({ generation, name, dimensions })),
  },
  kv: mapNouns(namespaces, ({ id }) => id),
  buckets: mapNouns(buckets, ({ name }) => name),
  queues: mapNouns(queues, ({ queueName, queueId }) => ({ name: queueName, id: queueId })),
  s3: {
    endpoint: stack === "local" ? config.local.s3Url : `https://${accountId}.r2.cloudflarestorage.com`,
    credentials: {
      backup: s3Credentials(tokens.backup),
      restore: s3Credentials(tokens.restore),
      reports: s3Credentials(tokens.reports),
    },
  },
  tokens: {
    deploy: secret(tokens.deploy.value),
    backup: secret(tokens.backup.value),
    restore: secret(tokens.restore.value),
    reports: secret(tokens.reports.value),
  },
  api_secret: secrets.API_SECRET,
  logpush_job_id: logpushJob?.id ?? null,
  missing_alerts: missingAlerts,
  monitors,
} satisfies Declared<StackOutputs>;
