/** Operations on the account and on buckets as such. */
import { bucketRecord, type Operation, xmlAnswer } from "./exchange.ts";
import { S3Error } from "./s3-error.ts";

export const listBuckets: Operation = ({ engine }) => {
  const buckets = engine.registry.list("r2").toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const Bucket = buckets.map(({ name, creation_date }) => ({ Name: name, CreationDate: creation_date }));
  return xmlAnswer("ListAllMyBucketsResult", { Buckets: { Bucket } });
};

export const createBucket: Operation = async ({ engine }, { bucket, payload }) => {
  await payload.drain();
  if (!/^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$/.test(bucket))
    throw new S3Error(
      "InvalidBucketName",
      "The specified bucket name is not valid: 3 to 63 lower-case letters, digits and inner hyphens.",
    );
  if (engine.registry.get("r2", bucket))
    throw new S3Error("BucketAlreadyOwnedByYou", "The bucket you tried to create already exists, and you own it.");
  engine.registry.put("r2", bucket, {
    name: bucket,
    creation_date: new Date(engine.now()).toISOString(),
    location: "WNAM",
    storage_class: "Standard",
    lifecycle_rules: [],
    lock_rules: [],
  });
  return { status: 200, headers: { location: `/${bucket}` } };
};

export const deleteBucket: Operation = async (platform, { bucket }) => {
  bucketRecord(platform, bucket);
  const r2 = await platform.engine.r2(bucket);
  if ((await r2.list({ limit: 1 })).objects.length > 0)
    throw new S3Error("BucketNotEmpty", "The bucket you tried to delete is not empty. Delete its objects first.");
  for (const { key, upload_id } of platform.uploads.list(bucket, "")) {
    await r2.resumeMultipartUpload(key, upload_id).abort();
    platform.uploads.finish(upload_id);
  }
  platform.engine.registry.delete("r2", bucket);
  return { status: 204 };
};

export const headBucket: Operation = (platform, { bucket }) => {
  bucketRecord(platform, bucket);
  return { status: 200, headers: { "x-amz-bucket-region": "auto" } };
};

/** "auto" and not where the bucket lies, as clients sign with this as the region. */
export const getBucketLocation: Operation = (platform, { bucket }) => {
  bucketRecord(platform, bucket);
  return xmlAnswer("LocationConstraint", "auto");
};
