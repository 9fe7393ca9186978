/** A repository in R2 or any other S3-compatible store with conditional writes, through the official client. */
import { certificateTold, skewTold } from "../clock.ts";
import { STORAGE_PAGE } from "../limits.ts";
import { retryAfter_ms } from "../patience.ts";
import { absent, type Storage, StorageError, type StorageFailure } from "./storage.ts";

export interface S3Place {
  endpoint: string;
  bucket: string;
  /** Ends in `/`, or is empty: the repository is the bucket. */
  prefix: string;
  /** `session_token`: of temporary ones. */
  credentials: { access_key_id: string; secret_access_key: string; session_token?: string | undefined };
  /** That requests are signed for; `auto`, R2's, without one. Where the server wants another and says which, that one is taken. */
  region?: string;
}

/** `close` ends its connections. */
export function s3Storage(place: S3Place): Storage & { close(): void } {
  const { bucket, prefix } = place;
  let region = place.region ?? "auto";
  // Loaded when something is asked: commands that could reach a storage are more than those that do.
  const connect = async () => {
    const sdk = await import("@aws-sdk/client-s3");
    const client = new sdk.S3Client({
      endpoint: place.endpoint,
      region: async () => region,
      forcePathStyle: true,
      credentials: {
        accessKeyId: place.credentials.access_key_id,
        secretAccessKey: place.credentials.secret_access_key,
        ...(place.credentials.session_token && { sessionToken: place.credentials.session_token }),
      },
      // Sources conflict on whether R2 takes the SDK's own checksums; the signature covers the body's SHA-256 anyway.
      requestChecksumCalculation: "WHEN_REQUIRED",
      responseChecksumValidation: "WHEN_REQUIRED",
      maxAttempts: 1,
    });
    return { sdk, client };
  };
  let connection: ReturnType<typeof connect> | null = null;
  const connected = () => (connection ??= connect());
  type Connection = Awaited<ReturnType<typeof connect>>;
  const attempt = <T>(key: string, signal: AbortSignal, work: (connection: Connection) => Promise<T>): Promise<T> =>
    translated(key, signal, async () => {
      const connection = await connected();
      const signed_for = region;
      try {
        return await work(connection);
      } catch (error) {
        const wanted = regionWanted(error as SdkFailure);
        if (wanted === undefined || wanted === signed_for) throw error;
        // A signature is looked at before anything is done.
        region = wanted;
        return await work(connection);
      }
    });
  const at = (key: string) => ({ Bucket: bucket, Key: `${prefix}${key}` });

  const put = (key: string, body: Uint8Array, condition: object, signal: AbortSignal): Promise<string> =>
    attempt(key, signal, async ({ sdk, client }) => {
      const put = new sdk.PutObjectCommand({ ...at(key), Body: body, ContentLength: body.byteLength, ...condition });
      return required((await client.send(put, { abortSignal: signal })).ETag, key);
    });

  return {
    location: `s3://${bucket}/${prefix}`,
    close: () => void connection?.then(({ client }) => client.destroy()),

    create: (key, body, signal) =>
      put(key, body, { IfNoneMatch: "*" }, signal).catch((error: unknown) => {
        // A lock is told before the condition is looked at; either way the name is taken.
        throw withFailure(error, { changed: "exists", locked: "exists" });
      }),

    replace: (key, body, etag, signal) =>
      put(key, body, etag === null ? { IfNoneMatch: "*" } : { IfMatch: etag }, signal).catch((error: unknown) => {
        throw withFailure(error, { missing: "changed" });
      }),

    read: (key, signal) =>
      attempt(key, signal, async ({ sdk, client }) => {
        const answer = await client.send(new sdk.GetObjectCommand(at(key)), { abortSignal: signal });
        const body = (await answer.Body?.transformToByteArray()) ?? new Uint8Array();
        if (answer.ContentLength !== undefined && body.byteLength !== answer.ContentLength) {
          throw new StorageError(
            "unclear",
            `${key}: the answer ended after ${body.byteLength} of ${answer.ContentLength} bytes`,
          );
        }
        return { body, etag: required(answer.ETag, key) };
      }),

    look: (key, signal) =>
      attempt(key, signal, async ({ sdk, client }) => {
        const answer = await client.send(new sdk.HeadObjectCommand(at(key)), { abortSignal: signal });
        return {
          key,
          bytes: required(answer.ContentLength, key),
          etag: required(answer.ETag, key),
          modified_ms: required(answer.LastModified, key).getTime(),
        };
      }),

    page: (folder, after, signal) =>
      attempt(folder, signal, async ({ sdk, client }) => {
        const list = new sdk.ListObjectsV2Command({
          Bucket: bucket,
          Prefix: `${prefix}${folder}`,
          MaxKeys: STORAGE_PAGE,
          ...(after === "" ? {} : { StartAfter: `${prefix}${after}` }),
        });
        const { Contents = [], IsTruncated } = await client.send(list, { abortSignal: signal });
        const objects = Contents.map(({ Key, Size, ETag, LastModified }) => ({
          key: required(Key, folder).slice(prefix.length),
          bytes: required(Size, folder),
          etag: required(ETag, folder),
          modified_ms: required(LastModified, folder).getTime(),
        }));
        refuseDisorder(
          objects.map(({ key }) => key),
          after,
        );
        return { objects, more: required(IsTruncated, folder) };
      }),

    folders: (folder, signal) =>
      attempt(folder, signal, async ({ sdk, client }) => {
        const names: string[] = [];
        let token: string | undefined;
        do {
          const list = new sdk.ListObjectsV2Command({
            Bucket: bucket,
            Prefix: `${prefix}${folder}`,
            Delimiter: "/",
            ...(token === undefined ? {} : { ContinuationToken: token }),
          });
          const answer = await client.send(list, { abortSignal: signal });
          for (const { Prefix = "" } of answer.CommonPrefixes ?? []) {
            names.push(Prefix.slice(prefix.length + folder.length, -1));
          }
          token = answer.NextContinuationToken;
        } while (token !== undefined);
        return names;
      }),

    remove: (key, signal) =>
      attempt(key, signal, async ({ sdk, client }) => {
        await client.send(new sdk.DeleteObjectCommand(at(key)), { abortSignal: signal });
      }).catch(absent),
  };
}

/**
 * Some servers list in no order, or begin anew with each page (AWS's directory buckets do both): what is missing there would be taken for
 * lost, and the end for never.
 */
function refuseDisorder(keys: readonly string[], after: string): void {
  let before = Buffer.from(after);
  for (const key of keys) {
    // Buckets order by bytes.
    const bytes = Buffer.from(key);
    if (Buffer.compare(bytes, before) <= 0)
      throw new StorageError(
        "refused",
        `${key}: the server does not list in the order of keys, and after the one it is given`,
      );
    before = bytes;
  }
}

function required<T>(value: T | undefined, key: string): T {
  if (value === undefined) throw new StorageError("unclear", `${key}: the answer lacks what S3 always sends`);
  return value;
}

function withFailure(error: unknown, renamed: Partial<Record<StorageFailure, StorageFailure>>): unknown {
  if (!(error instanceof StorageError)) return error;
  const failure = renamed[error.failure];
  return failure === undefined ? error : new StorageError(failure, error.parts.cause, { cause: error });
}

/** What the SDK throws: a service's answer, or whatever broke on the way. */
interface SdkFailure {
  name: string;
  message: string;
  $metadata?: { httpStatusCode?: number };
  $response?: { headers?: Record<string, string> };
  /** Of an answer that says so. */
  Region?: string;
}

/** The region that a server wants requests to be signed for, where it refuses one, by whatever code, and says which. */
function regionWanted({ message, Region, $metadata, $response }: SdkFailure): string | undefined {
  if (![301, 400, 403].includes($metadata?.httpStatusCode ?? 0)) return undefined;
  return Region ?? $response?.headers?.["x-amz-bucket-region"] ?? /expecting '([\w-]+)'/.exec(message)?.[1];
}

/** What the SDK throws, as a `StorageError`. */
async function translated<T>(key: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof StorageError) throw error;
    const { name, message, $metadata, $response } = error as SdkFailure;
    const status = $metadata?.httpStatusCode;
    const failure = failureOf(status, name);
    const skew =
      failure === "denied" ? skewTold($response?.headers?.date, Date.now()) : certificateTold(error, Date.now());
    const cause = `${key}: ${status ?? "no answer"} ${name}: ${message}${skew === null ? "" : `: ${skew}`}`;
    throw new StorageError(skew !== null || name === "RequestTimeTooSkewed" ? "skewed" : failure, cause, {
      retry_after_ms: retryAfter_ms($response?.headers?.["retry-after"] ?? null),
      cause: error,
    });
  }
}

/** Bytes that were lost on the way or came too slowly, or a write that met another one: nothing was done. Most come with status 400. */
const PASSING: ReadonlySet<string> = new Set([
  "BadDigest",
  "IncompleteBody",
  "XAmzContentSHA256Mismatch",
  "RequestTimeout",
  "ConditionalRequestConflict",
  "OperationAborted",
]);

function failureOf(status: number | undefined, name: string): StorageFailure {
  if (name === "ObjectLockedByBucketPolicy") return "locked";
  if (name === "NoSuchBucket") return "refused";
  if (PASSING.has(name)) return "unclear";
  // Of temporary credentials, with status 400.
  if (name === "ExpiredToken" || name === "InvalidToken") return "denied";
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
    // It never will: a server that only reads.
    case 405:
    case 501:
      return "denied";
    // The disk below it is full.
    case 507:
      return "full";
    default:
      // 200 with an error: an answer that broke off inside the SDK's parser.
      return status === undefined || status >= 500 || status < 300 ? "unclear" : "refused";
  }
}
