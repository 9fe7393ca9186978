/** Logpush: what the Worker and the watchdog logged, kept in R2. The free plan has none of it. */
import { LogpushJob } from "@pulumi/cloudflare";
import * as pulumi from "@pulumi/pulumi";
import { accountId } from "./account.ts";
import { stack } from "./config.ts";
import { LOG_ARCHIVE_FOLDER, nameInStack, SERVICE, WATCHDOG } from "./inventory.ts";
import { buckets } from "./storage.ts";
import { logpushCredentials } from "./tokens.ts";

/** Every field of the dataset but those that only dispatch namespaces have. */
const FIELDS = [
  "CPUTimeMs",
  "Entrypoint",
  "Event",
  "EventTimestampMs",
  "EventType",
  "Exceptions",
  "Logs",
  "Outcome",
  "ScriptName",
  "ScriptTags",
  "ScriptVersion",
  "WallTimeMs",
];

/** The dataset holds the whole account; other stacks have jobs of their own. */
const ownScripts = {
  where: {
    or: [SERVICE, WATCHDOG.name].map((name) => ({
      key: "ScriptName",
      operator: "eq",
      value: nameInStack(name, stack),
    })),
  },
};

/** Null where the plan has no Logpush. */
export const logpushJob =
  logpushCredentials &&
  new LogpushJob(`${SERVICE}-logpush`, {
    accountId,
    name: nameInStack(SERVICE, stack),
    dataset: "workers_trace_events",
    enabled: true,
    destinationConf: pulumi.secret(
      pulumi.interpolate`r2://${buckets.logs.name}/${LOG_ARCHIVE_FOLDER}/{DATE}?account-id=${accountId}&access-key-id=${logpushCredentials.access_key_id}&secret-access-key=${logpushCredentials.secret_access_key}`,
    ),
    filter: JSON.stringify(ownScripts),
    outputOptions: { outputType: "ndjson", fieldNames: FIELDS, timestampFormat: "rfc3339" },
  });
