/** R2: buckets, what is deleted from them by age, and what nobody may delete before its age. */
import { R2Bucket, R2BucketLifecycle, R2BucketLock } from "@pulumi/cloudflare";
import { accountId } from "./account.ts";
import { LOCK_RULES, lifecycleRules } from "./bucket-rules.ts";
import { stack } from "./config.ts";
import { BUCKETS, nameInStack } from "./inventory.ts";
import { mapNouns } from "./nouns.ts";
import { keep } from "./protection.ts";

const bucket = ({ name }: { name: string }) =>
  new R2Bucket(name, { accountId, name: nameInStack(name, stack) }, keep(name));

export const buckets = mapNouns(BUCKETS, bucket);

mapNouns(
  BUCKETS,
  ({ name }, noun) =>
    new R2BucketLifecycle(`${name}-lifecycle`, {
      accountId,
      bucketName: buckets[noun].name,
      rules: lifecycleRules(noun),
    }),
);

for (const { bucket: noun, rules } of LOCK_RULES) {
  const name = `${BUCKETS[noun].name}-lock`;
  new R2BucketLock(name, { accountId, bucketName: buckets[noun].name, rules }, keep(name));
}
