/** What R2 deletes by age, and what nobody may delete or overwrite before its age; as the API and the program both spell it. */
import type { BUCKETS } from "./inventory.ts";
import { ABORTED_UPLOAD_DAYS, DAY_S, LOG_RETENTION_DAYS } from "./limits.ts";
import { LOCKED_PREFIXES } from "./locked-prefixes.ts";

export type Bucket = keyof typeof BUCKETS;

/** R2 gives every new bucket this rule; declaring it keeps the declared list equal to the real one. */
const abortOldUploads = {
  id: "Default Multipart Abort Rule",
  enabled: true,
  conditions: { prefix: "" },
  abortMultipartUploadsTransition: { condition: { type: "Age", maxAge: ABORTED_UPLOAD_DAYS * DAY_S } },
};
const deleteOldLogs = {
  id: "Delete old logs",
  enabled: true,
  conditions: { prefix: "" },
  deleteObjectsTransition: { condition: { type: "Age", maxAge: LOG_RETENTION_DAYS * DAY_S } },
};

/** By age only logs are deleted; nothing ever is from the audit archive. */
export function lifecycleRules(bucket: Bucket) {
  return bucket === "logs" ? [abortOldUploads, deleteOldLogs] : [abortOldUploads];
}

/** Lock rules of the buckets that have a locked prefix. */
export const LOCK_RULES = Object.entries(LOCKED_PREFIXES).map(([noun, { prefix, days }]) => ({
  bucket: noun as keyof typeof LOCKED_PREFIXES,
  rules: [{ id: `Keep ${prefix}`, enabled: true, prefix, condition: { type: "Age", maxAgeSeconds: days * DAY_S } }],
}));
