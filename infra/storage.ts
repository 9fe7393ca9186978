/** R2: buckets, what is deleted from them by age, and what nobody may delete before its age. */
import { R2Bucket, R2BucketLifecycle, R2BucketLock } from "@pulumi/cloudflare";
import { accountId } from "./account.ts";
import { stack } from "./config.ts";
import { BUCKETS, nameInStack } from "./inventory.ts";
import { ABORTED_UPLOAD_DAYS, DAY_S, LOG_RETENTION_DAYS } from "./limits.ts";
import { LOCKED_PREFIXES } from "./locked-prefixes.ts";
import { keep } from "./protection.ts";

type Bucket = keyof typeof BUCKETS;

const bucket = ({ name }: { name: string }) =>
  new R2Bucket(name, { accountId, name: nameInStack(name, stack) }, keep(name));

export const buckets: Record<Bucket, R2Bucket> = {
  vectors: bucket(BUCKETS.vectors),
  backups: bucket(BUCKETS.backups),
  logs: bucket(BUCKETS.logs),
  audit: bucket(BUCKETS.audit),
};

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

const LIFECYCLES = {
  vectors: [abortOldUploads],
  backups: [abortOldUploads],
  logs: [abortOldUploads, deleteOldLogs],
  // Nothing is ever deleted from the audit archive by age.
  audit: [abortOldUploads],
} satisfies Record<Bucket, object[]>;

for (const [noun, rules] of Object.entries(LIFECYCLES)) {
  const { name } = BUCKETS[noun as Bucket];
  new R2BucketLifecycle(`${name}-lifecycle`, { accountId, bucketName: buckets[noun as Bucket].name, rules });
}

for (const [noun, { prefix, days }] of Object.entries(LOCKED_PREFIXES)) {
  const bucketName = buckets[noun as keyof typeof LOCKED_PREFIXES].name;
  const name = `${BUCKETS[noun as Bucket].name}-lock`;
  new R2BucketLock(
    name,
    {
      accountId,
      bucketName,
      rules: [{ id: `Keep ${prefix}`, enabled: true, prefix, condition: { type: "Age", maxAgeSeconds: days * DAY_S } }],
    },
    keep(name),
  );
}
