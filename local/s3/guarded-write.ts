/** Overwrites and deletions, refused while a bucket lock rule protects the object. */
import { bucketRecord, type S3Platform } from "./exchange.ts";
import { lockingRule, rulesFor } from "./lock-rules.ts";
import { S3Error } from "./s3-error.ts";

/** The end of the last guarded write of each object. Looking and writing are two calls, so they take turns. */
const turns = new Map<string, Promise<unknown>>();

/**
 * Runs `write` unless the object at `key` exists and is locked. Errors: ObjectLockedByBucketPolicy, NoSuchBucket.
 * Writes of the Worker through its own binding do not pass here.
 */
export async function guardedWrite<T>(
  platform: Pick<S3Platform, "engine">,
  bucket: string,
  key: string,
  write: () => Promise<T>,
): Promise<T> {
  const rules = rulesFor(bucketRecord(platform, bucket).lock_rules, key);
  if (rules.length === 0) return write();

  const name = `${bucket}/${key}`;
  const before = turns.get(name);
  const turn = (async () => {
    await before?.catch(() => {});
    const existing = await (await platform.engine.r2(bucket)).head(key);
    const rule = existing && lockingRule(rules, existing.uploaded.getTime(), platform.engine.now());
    if (rule)
      throw new S3Error(
        "ObjectLockedByBucketPolicy",
        `The object is locked by the bucket lock rule "${rule}" and cannot be overwritten or deleted yet.`,
      );
    return write();
  })();
  turns.set(name, turn);
  try {
    return await turn;
  } finally {
    if (turns.get(name) === turn) turns.delete(name);
  }
}
