/** A repository in R2 or any other S3-compatible store with conditional writes. */
import { certificateTold, skewTold } from "../clock.ts";
import { STORAGE_PAGE } from "../limits.ts";
import { retryAfter_ms } from "../patience.ts";
import { rootOf, type S3Place, S3Refusal, type S3Request, s3Wire } from "./s3-wire.ts";
import { type Storage, StorageError, type StorageFailure, type StoredObject } from "./storage.ts";

/** `close` ends its connections. */
export function s3Storage(place: S3Place): Storage & { close(): void } {
  const { bucket, prefix } = place;
  const wire = s3Wire(place);
  /** `key`: below the prefix. */
  const object = (method: S3Request["method"], key: string, signal: AbortSignal, more: Partial<S3Request> = {}) =>
    translated(key, signal, () => wire.send({ method, key: `${prefix}${key}`, ...more }, signal));

  const put = async (key: string, body: Uint8Array, condition: Record<string, string>, signal: AbortSignal) =>
    required((await object("PUT", key, signal, { body, headers: condition })).headers.etag, key);

  const list = (folder: string, query: Record<string, string>, signal: AbortSignal) =>
    translated(folder, signal, async () => {
      const asked = { "list-type": "2", prefix: `${prefix}${folder}`, ...query };
      return rootOf((await wire.send({ method: "GET", query: asked }, signal)).body);
    });

  return {
    location: `s3://${bucket}/${prefix}`,
    close: () => wire.close(),

    create: (key, body, signal) =>
      put(key, body, { "if-none-match": "*" }, signal).catch((error: unknown) => {
        // A lock is told before the condition is looked at; either way the name is taken.
        throw withFailure(error, { changed: "exists", locked: "exists" });
      }),

    replace: (key, body, etag, signal) =>
      put(key, body, etag === null ? { "if-none-match": "*" } : { "if-match": etag }, signal).catch(
        (error: unknown) => {
          throw withFailure(error, { missing: "changed" });
        },
      ),

    async read(key, signal) {
      const { headers, body } = await object("GET", key, signal);
      const wanted = Number(headers["content-length"] ?? body.byteLength);
      if (body.byteLength !== wanted)
        throw new StorageError("unclear", `${key}: the answer ended after ${body.byteLength} of ${wanted} bytes`);
      return { body, etag: required(headers.etag, key) };
    },

    async look(key, signal) {
      const { headers } = await object("HEAD", key, signal);
      return {
        key,
        bytes: Number(required(headers["content-length"], key)),
        etag: required(headers.etag, key),
        modified_ms: Date.parse(required(headers["last-modified"], key)),
      };
    },

    async page(folder, after, signal) {
      const query = { "max-keys": String(STORAGE_PAGE), ...(after !== "" && { "start-after": `${prefix}${after}` }) };
      const found = await list(folder, query, signal);
      const objects = several(found.Contents).map(
        (one): StoredObject => ({
          key: textOf(one.Key, folder).slice(prefix.length),
          bytes: Number(textOf(one.Size, folder)),
          etag: textOf(one.ETag, folder),
          modified_ms: Date.parse(textOf(one.LastModified, folder)),
        }),
      );
      return { objects, more: textOf(found.IsTruncated, folder) === "true" };
    },

    async folders(folder, signal) {
      const names: string[] = [];
      let next: Record<string, string> | null = {};
      while (next !== null) {
        const found: Record<string, unknown> = await list(folder, { delimiter: "/", ...next }, signal);
        for (const { Prefix } of several(found.CommonPrefixes))
          names.push(textOf(Prefix, folder).slice(prefix.length + folder.length, -1));
        const token = found.NextContinuationToken;
        next = typeof token === "string" ? { "continuation-token": token } : null;
      }
      return names;
    },

    remove: async (key, signal) => {
      await object("DELETE", key, signal).catch((error: unknown) => {
        if (!(error instanceof StorageError && error.failure === "missing")) throw error;
      });
    },
  };
}

function required<T>(value: T | undefined, key: string): T {
  if (value === undefined) throw new StorageError("unclear", `${key}: the answer lacks what S3 always sends`);
  return value;
}

function textOf(value: unknown, key: string): string {
  return required(typeof value === "string" ? value : undefined, key);
}

/** Elements of one name: the parser gives a single one as itself, and none as nothing. */
function several(value: unknown): Record<string, unknown>[] {
  return (value === undefined ? [] : [value].flat()) as Record<string, unknown>[];
}

function withFailure(error: unknown, renamed: Partial<Record<StorageFailure, StorageFailure>>): unknown {
  if (!(error instanceof StorageError)) return error;
  const failure = renamed[error.failure];
  return failure === undefined ? error : new StorageError(failure, error.parts.cause, { cause: error });
}

/** What the wire throws, as a `StorageError`. */
async function translated<T>(key: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof S3Refusal) throw refused(key, error);
    const { name, message } = error as Error;
    const skew = certificateTold(error, Date.now());
    const cause = `${key}: no answer ${name}: ${message}${skew === null ? "" : `: ${skew}`}`;
    throw new StorageError(skew === null ? "unclear" : "skewed", cause, { cause: error });
  }
}

function refused(key: string, error: S3Refusal): StorageError {
  const { status, code, message, headers } = error;
  const failure = failureOf(status, code);
  const skew = failure === "denied" ? skewTold(headers.date, Date.now()) : null;
  const cause = `${key}: ${status} ${code}: ${message}${skew === null ? "" : `: ${skew}`}`;
  return new StorageError(skew !== null || code === "RequestTimeTooSkewed" ? "skewed" : failure, cause, {
    retry_after_ms: retryAfter_ms(headers["retry-after"] ?? null),
    cause: error,
  });
}

function failureOf(status: number, code: string): StorageFailure {
  if (code === "ObjectLockedByBucketPolicy") return "locked";
  if (code === "NoSuchBucket") return "refused";
  // Bytes that were lost on the way, or a write that met another one: nothing was done.
  if (["BadDigest", "IncompleteBody", "XAmzContentSHA256Mismatch", "ConditionalRequestConflict"].includes(code)) {
    return "unclear";
  }
  switch (status) {
    case 401:
    case 403:
      return "denied";
    case 404:
      return "missing";
    case 412:
      return "changed";
    case 429:
      return "throttled";
    // The disk below it is full.
    case 507:
      return "refused";
    default:
      return status >= 500 ? "unclear" : "refused";
  }
}
