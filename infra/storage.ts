/** R2: buckets, what is deleted from them by age, and what nobody may delete before its age. */
import { R2Bucket, R2BucketLifecycle, R2BucketLock } from "@pulumi/cloudflare";
import { accountId } from "./account.ts";
import { type Bucket, LIFECYCLE_RULES, LOCK_RULES } from "./bucket-rules.ts";
import { stack } from "./config.ts";
import { BUCKETS, nameInStack } from "./inventory.ts";
import { keep } from "./protection.ts";

const bucket = ({ name }: { name: string }) =>
  new R2Bucket(name, { accountId, name: nameInStack(name, stack) }, keep(name));

export const buckets: Record<Bucket, R2Bucket> = {
  vectors: bucket(BUCKETS.vectors),
  backups: bucket(BUCKETS.backups),
  logs: bucket(BUCKETS.logs),
  audit: bucket(BUCKETS.audit),
};

for (const [noun, rules] of Object.entries(LIFECYCLE_RULES)) {
  const { name } = BUCKETS[noun as Bucket];
  new R2BucketLifecycle(`${name}-lifecycle`, { accountId, bucketName: buckets[noun as Bucket].name, rules });
}

for (const { bucket: noun, rules } of LOCK_RULES) {
  const name = `${BUCKETS[noun].name}-lock`;
  new R2BucketLock(name, { accountId, bucketName: buckets[noun].name, rules }, keep(name));
}
