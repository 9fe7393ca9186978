/** Where a request points: bucket, key and query, from the request line exactly as it was sent. */
import { R2_KEY_MAX_BYTES } from "../../infra/cloudflare-limits.ts";
import { S3Error } from "./s3-error.ts";

interface Address {
  /** Empty: the account. */
  bucket: string;
  /** Empty: the bucket itself. */
  key: string;
  /** The path as sent, which is what the client signed. */
  path: string;
  query: URLSearchParams;
}

/**
 * Takes `url` apart by hand, because every URL parser resolves `..` and a key may hold that. Path style, or virtual-host
 * style when the first label of `host` names a bucket. Errors: InvalidURI, InvalidObjectName.
 */
export function parseAddress(url: string, host: string, isBucket: (name: string) => boolean): Address {
  const question = url.indexOf("?");
  const path = question === -1 ? url : url.slice(0, question);
  const query = new URLSearchParams(question === -1 ? "" : url.slice(question + 1));
  if (!path.startsWith("/")) throw new S3Error("InvalidURI", "The request line must hold an absolute path.");

  const label = host.includes(".") ? (host.split(".")[0] ?? "") : "";
  const slash = path.indexOf("/", 1);
  const [bucket, key] = isBucket(label)
    ? [label, path.slice(1)]
    : [path.slice(1, slash === -1 ? undefined : slash), slash === -1 ? "" : path.slice(slash + 1)];
  return { bucket: decode(bucket), key: checkedKey(decode(key)), path, query };
}

/** `x-amz-copy-source`: `/bucket/key` or `bucket/key`, percent-encoded. Errors: InvalidArgument, NotImplemented. */
export function parseCopySource(header: string): { bucket: string; key: string } {
  if (/\?versionId=/i.test(header))
    throw new S3Error("NotImplemented", "x-amz-copy-source with a versionId not implemented: R2 has no versions");
  const source = decode(header).replace(/^\//, "");
  const slash = source.indexOf("/");
  if (slash < 1 || slash === source.length - 1)
    throw new S3Error("InvalidArgument", "x-amz-copy-source must be bucket/key.");
  return { bucket: source.slice(0, slash), key: checkedKey(source.slice(slash + 1)) };
}

/** Throws InvalidObjectName for keys that R2 refuses. */
export function checkedKey(key: string): string {
  if (Buffer.byteLength(key) > R2_KEY_MAX_BYTES || key.includes("\0"))
    throw new S3Error(
      "InvalidObjectName",
      `The specified object name is not valid: at most ${R2_KEY_MAX_BYTES} bytes of UTF-8 without NUL.`,
    );
  return key;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new S3Error("InvalidURI", "The path is not percent-encoded UTF-8.");
  }
}
