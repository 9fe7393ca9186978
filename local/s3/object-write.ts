/** PutObject, CopyObject, DeleteObject and DeleteObjects. */
import type { R2Bucket, R2ObjectBody, R2Range } from "@cloudflare/workers-types";
import { R2_KEYS_PER_CALL_MAX, R2_UPLOAD_MAX_BYTES } from "../../infra/cloudflare-limits.ts";
import { checkedKey, parseCopySource } from "./address.ts";
import { bucketRecord, header, type Operation, type S3Platform, type S3Request, xmlAnswer } from "./exchange.ts";
import { withLength } from "./gateway-bucket.ts";
import { guardedWrite } from "./guarded-write.ts";
import { rulesFor } from "./lock-rules.ts";
import { metadataOf } from "./object-metadata.ts";
import { noSuchKey, preconditionFailed } from "./object-read.ts";
import { conditionsOf, evaluate } from "./preconditions.ts";
import { S3Error, toS3Error } from "./s3-error.ts";
import { parseDelete } from "./xml.ts";

type PutValue = Parameters<R2Bucket["put"]>[1];
type PutOptions = NonNullable<Parameters<R2Bucket["put"]>[2]>;

export const putObject: Operation = async (platform, { bucket, key, headers, payload }) => {
  bucketRecord(platform, bucket);
  refuseTooLarge(payload.length_bytes);
  const options = { ...metadataOf(headers), onlyIf: conditionsOf(headers) } as PutOptions;
  const object = await guardedWrite(platform, bucket, key, async () => {
    const r2 = await platform.engine.r2(bucket);
    return payload.store((content) => r2.put(key, content as unknown as PutValue, options));
  });
  // R2 compares and writes in one transaction: null is the other side of a race as well.
  if (!object) throw preconditionFailed();
  return { status: 200, headers: { etag: object.httpEtag } };
};

export const copyObject: Operation = async (platform, request) => {
  const { bucket, key, headers, payload } = request;
  bucketRecord(platform, bucket);
  await payload.drain();
  const directive = header(request, "x-amz-metadata-directive") ?? "COPY";
  if (directive !== "COPY" && directive !== "REPLACE")
    throw new S3Error("InvalidArgument", `x-amz-metadata-directive must be COPY or REPLACE, not ${directive}.`);
  const object = await guardedWrite(platform, bucket, key, async () => {
    const { object: source, content } = await openCopySource(platform, request, undefined);
    const { httpMetadata = {}, customMetadata = {} } = source;
    const metadata = directive === "REPLACE" ? metadataOf(headers) : { httpMetadata, customMetadata };
    return (await platform.engine.r2(bucket)).put(key, content, metadata);
  });
  return xmlAnswer("CopyObjectResult", { ETag: object.httpEtag, LastModified: object.uploaded.toISOString() });
};

/**
 * The object that `x-amz-copy-source` names and its content, ready for `put`. Errors: NoSuchKey, NoSuchBucket,
 * PreconditionFailed, EntityTooLarge, InvalidRange.
 */
export async function openCopySource(
  platform: S3Platform,
  request: S3Request,
  range: { offset: number; length: number } | undefined,
): Promise<{ object: R2ObjectBody; content: PutValue & string; length_bytes: number }> {
  const { bucket, key } = parseCopySource(header(request, "x-amz-copy-source") ?? "");
  bucketRecord(platform, bucket);
  const object = await (await platform.engine.r2(bucket)).get(key, range ? { range: range satisfies R2Range } : {});
  if (!object) throw noSuchKey();
  const body = object.body as unknown as ReadableStream<Uint8Array>;
  try {
    if (evaluate(conditionsOf(request.headers, "x-amz-copy-source-"), object) !== "send") throw preconditionFailed();
    if (range && range.offset + range.length > object.size)
      throw new S3Error("InvalidRange", `x-amz-copy-source-range ends after the ${object.size} bytes of the source.`);
    const length_bytes = range?.length ?? object.size;
    refuseTooLarge(length_bytes);
    return { object, content: withLength(body, length_bytes) as unknown as PutValue & string, length_bytes };
  } catch (error) {
    await body.cancel();
    throw error;
  }
}

/** Errors: EntityTooLarge. Checked before anything is read. */
export function refuseTooLarge(length_bytes: number): void {
  if (length_bytes > R2_UPLOAD_MAX_BYTES)
    throw new S3Error(
      "EntityTooLarge",
      `Your proposed upload exceeds the maximum allowed object size of ${R2_UPLOAD_MAX_BYTES} bytes. Upload it in parts.`,
    );
}

export const deleteObject: Operation = async (platform, { bucket, key, headers }) => {
  bucketRecord(platform, bucket);
  // Ignoring the condition would delete what the client meant to keep.
  if (conditionsOf(headers)) throw new S3Error("NotImplemented", "A conditional DeleteObject is not implemented");
  await guardedWrite(platform, bucket, key, async () => (await platform.engine.r2(bucket)).delete(key));
  return { status: 204 };
};

export const deleteObjects: Operation = async (platform, { bucket, payload }) => {
  const { lock_rules } = bucketRecord(platform, bucket);
  const { keys, quiet } = parseDelete(await payload.text());
  if (keys.length === 0 || keys.length > R2_KEYS_PER_CALL_MAX)
    throw new S3Error("MalformedXML", `DeleteObjects takes 1 to ${R2_KEYS_PER_CALL_MAX} keys, not ${keys.length}.`);
  const r2 = await platform.engine.r2(bucket);
  const results = new Map<string, S3Error | null>();
  // Keys that no lock rule covers go to R2 in one call.
  const unguarded: string[] = [];
  for (const key of new Set(keys)) {
    try {
      checkedKey(key);
      if (rulesFor(lock_rules, key).length === 0) unguarded.push(key);
      else await guardedWrite(platform, bucket, key, () => r2.delete(key));
      results.set(key, null);
    } catch (error) {
      results.set(key, toS3Error(error));
    }
  }
  if (unguarded.length > 0) await r2.delete(unguarded);
  return xmlAnswer("DeleteResult", {
    Deleted: [...results].flatMap(([Key, error]) => (error || quiet ? [] : [{ Key }])),
    Error: [...results].flatMap(([Key, error]) => (error ? [{ Key, Code: error.code, Message: error.message }] : [])),
  });
};
