/** A repository in R2 or any other S3-compatible store with conditional writes, through the official client. */
import type { ListObjectsV2CommandInput } from "@aws-sdk/client-s3";
import { STORAGE_PAGE } from "../limits.ts";
import { regionWanted, type SdkFailure, translated } from "./s3-failure.ts";
import { absent, isFailure, type Storage, StorageError, type StorageFailure } from "./storage.ts";

export interface S3Place {
  /** One that begins with the bucket's name is the bucket's own, as servers want it that take no bucket in a path. */
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
  const ofBucket = new URL(place.endpoint).hostname.startsWith(`${bucket}.`);
  let region = place.region ?? "auto";
  // Loaded when something is asked: commands that could reach a storage are more than those that do.
  const connect = async () => {
    const sdk = await import("@aws-sdk/client-s3");
    const client = new sdk.S3Client({
      endpoint: place.endpoint,
      region: async () => region,
      forcePathStyle: true,
      bucketEndpoint: ofBucket,
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
  const Bucket = ofBucket ? place.endpoint : bucket;
  const at = (key: string) => ({ Bucket, Key: `${prefix}${key}` });

  const put = (key: string, body: Uint8Array, condition: object, signal: AbortSignal): Promise<string> =>
    attempt(key, signal, async ({ sdk, client }) => {
      const put = new sdk.PutObjectCommand({ ...at(key), Body: body, ContentLength: body.byteLength, ...condition });
      return tagOf((await client.send(put, { abortSignal: signal })).ETag, key);
    });

  const beyond = (folder: string) =>
    new StorageError("refused", `${folder}: the server says that more follows, and not where`);
  /** One page with something on it, or the last one: a server may give one without anything although more follows. */
  const listing = async (
    { sdk, client }: Connection,
    folder: string,
    from: Omit<ListObjectsV2CommandInput, "Bucket">,
    signal: AbortSignal,
  ) => {
    const place = { Bucket, Prefix: `${prefix}${folder}`, MaxKeys: STORAGE_PAGE };
    for (let { ContinuationToken } = from; ; ) {
      const list = new sdk.ListObjectsV2Command({ ...place, ...from, ContinuationToken });
      const answer = await client.send(list, { abortSignal: signal });
      const { Contents: contents = [], CommonPrefixes: prefixes = [], NextContinuationToken: next } = answer;
      const more = required(answer.IsTruncated, folder);
      if (!more || contents.length + prefixes.length > 0) return { contents, prefixes, more, next };
      if (next === undefined || next === ContinuationToken) throw beyond(folder);
      ContinuationToken = next;
    }
  };

  /** What only looks at an object is refused without a word: credentials that have ended are 400 to it, like a wrong address. */
  const toldOf = async (error: unknown, key: string, signal: AbortSignal): Promise<never> => {
    if (isFailure(error, "refused"))
      await attempt(key, signal, async ({ sdk, client }) => {
        const { Body } = await client.send(new sdk.GetObjectCommand({ ...at(key), Range: "bytes=0-0" }), {
          abortSignal: signal,
        });
        await Body?.transformToByteArray();
      });
    throw error;
  };

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
        return { body, etag: tagOf(answer.ETag, key) };
      }),

    look: (key, signal) =>
      attempt(key, signal, async ({ sdk, client }) => {
        const answer = await client.send(new sdk.HeadObjectCommand(at(key)), { abortSignal: signal });
        return {
          key,
          bytes: required(answer.ContentLength, key),
          etag: tagOf(answer.ETag, key),
          modified_ms: required(answer.LastModified, key).getTime(),
        };
      }).catch((error: unknown) => toldOf(error, key, signal)),

    page: (folder, after, signal) =>
      attempt(folder, signal, async (connection) => {
        const from = after === "" ? {} : { StartAfter: `${prefix}${after}` };
        const { contents, more } = await listing(connection, folder, from, signal);
        const objects = contents.map(({ Key, Size, ETag, LastModified }) => ({
          key: required(Key, folder).slice(prefix.length),
          bytes: required(Size, folder),
          etag: tagOf(ETag, folder),
          modified_ms: required(LastModified, folder).getTime(),
        }));
        refuseDisorder(
          objects.map(({ key }) => key),
          after,
        );
        return { objects, more };
      }).catch(notListed),

    folders: (folder, signal) =>
      attempt(folder, signal, async (connection) => {
        const names = new Set<string>();
        for (let token: string | undefined; ; ) {
          const from = { Delimiter: "/", ContinuationToken: token };
          const { prefixes, more, next } = await listing(connection, folder, from, signal);
          for (const { Prefix = "" } of prefixes) names.add(Prefix.slice(prefix.length + folder.length, -1));
          if (!more) return [...names];
          // Another page than this one, or what is there would be taken for all.
          if (next === undefined || next === token) throw beyond(folder);
          token = next;
        }
      }).catch(notListed),

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

/**
 * A tag in one way, however the server writes it there: with quotes or without, and weak where something on the way has compressed the
 * answer. A condition that was sent with a weak one would never hold (RFC 9110 §13.1.1), and another tag in a list than in an answer would
 * be taken for another content.
 */
function tagOf(raw: string | undefined, key: string): string {
  return `"${required(raw, key)
    .replace(/^W\//, "")
    .replaceAll(/"|&quot;/g, "")}"`;
}

/** A bucket that is there may be empty, but is never missing: this is an object's address there, or none. */
function notListed(error: unknown): never {
  throw withFailure(error, { missing: "refused" });
}

function withFailure(error: unknown, renamed: Partial<Record<StorageFailure, StorageFailure>>): unknown {
  if (!(error instanceof StorageError)) return error;
  const failure = renamed[error.failure];
  return failure === undefined ? error : new StorageError(failure, error.parts.cause, { cause: error });
}
