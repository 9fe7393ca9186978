/** What an S3 server or the way to it refused, as a `StorageError`: by its code where it has one, else by its status. */
import { certificateTold, skewTold } from "../clock.ts";
import { retryAfter_ms } from "../patience.ts";
import { StorageError, type StorageFailure } from "./storage.ts";

/** What the SDK throws: a service's answer, or whatever broke on the way. */
export interface SdkFailure {
  name: string;
  message: string;
  $metadata?: { httpStatusCode?: number };
  $response?: { headers?: Record<string, string> };
  /** Of an answer that says so. */
  Region?: string;
  /** Where the bucket is, of an answer that sends away: mostly the bucket's own. */
  Endpoint?: string;
}

/** The region that a server wants requests to be signed for, where it refuses one, by whatever code, and says which. */
export function regionWanted({ message, Region, $metadata, $response }: SdkFailure): string | undefined {
  if (![301, 307, 400, 403].includes($metadata?.httpStatusCode ?? 0)) return undefined;
  return Region ?? $response?.headers?.["x-amz-bucket-region"] ?? /expecting '([\w-]+)'/.exec(message)?.[1];
}

/** What to write into the address, where the server says it: that it was signed for that region already did not help. */
function elsewhere(error: SdkFailure, failure: StorageFailure): string | undefined {
  const { Endpoint = "" } = error;
  const region = regionWanted(error);
  const place = [
    ...(/^[\w.-]+(:\d+)?$/.test(Endpoint) ? [`endpoint=https://${Endpoint}`] : []),
    ...(region === undefined ? [] : [`&region=${region}`]),
  ].join("");
  if (place === "" || !["refused", "denied"].includes(failure)) return undefined;
  const rights = failure === "denied" ? "; else use credentials that may read and write there" : "";
  return `write ${place} into the address, which is what the server says${rights}`;
}

/** What the SDK throws, as a `StorageError`. */
export async function translated<T>(key: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
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
    // What the SDK adds below tells its own developers where to look.
    const [said = ""] = message.split("\n");
    const told = skew ?? (status === 501 ? UNSUPPORTED : null);
    const cause = `${key}: ${status ?? "no answer"} ${name}: ${said}${told === null ? "" : `: ${told}`}`;
    throw new StorageError(skew !== null || name === "RequestTimeTooSkewed" ? "skewed" : failure, cause, {
      retry_after_ms: retryAfter_ms($response?.headers?.["retry-after"] ?? null),
      hint: elsewhere(error as SdkFailure, failure),
      cause: error,
    });
  }
}

/** Of a header that a server does not know, or of writing at all: no credentials help. */
const UNSUPPORTED =
  "this server takes no writes, or none on a condition (If-None-Match, If-Match), without which two commands could hurt each other's: a newer release " +
  "of it, another server or a folder does";

/** Bytes that were lost on the way or came too slowly, or a write that met another one: nothing was done. Most come with status 400. */
const PASSING: ReadonlySet<string> = new Set([
  "BadDigest",
  "IncompleteBody",
  "XAmzContentSHA256Mismatch",
  "RequestTimeout",
  "ConditionalRequestConflict",
  "OperationAborted",
]);

/** What servers say that take no bucket in a path (OSS, COS, TOS), mostly with status 403. */
const BY_HOST_ALONE: ReadonlySet<string> = new Set([
  "SecondLevelDomainForbidden",
  "PathStyleDomainForbidden",
  "InvalidPathAccess",
]);

function failureOf(status: number | undefined, name: string): StorageFailure {
  if (name === "ObjectLockedByBucketPolicy") return "locked";
  if (name === "NoSuchBucket" || BY_HOST_ALONE.has(name)) return "refused";
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
