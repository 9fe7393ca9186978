/** ListObjectsV2 and ListObjects. */
import { createHash } from "node:crypto";
import { R2_KEYS_PER_CALL_MAX } from "../../infra/cloudflare-limits.ts";
import { bucketRecord, type Operation, type S3Platform, type S3Request, xmlAnswer } from "./exchange.ts";
import { S3Error } from "./s3-error.ts";
import { awsUriEncode } from "./sigv4.ts";
import type { XmlFields } from "./xml.ts";

interface Page {
  contents: XmlFields[];
  common_prefixes: XmlFields[];
  truncated: boolean;
  cursor: string | undefined;
  /** Greatest key or common prefix of the page. */
  last: string;
}

export const listObjectsV2: Operation = async (platform, request) => {
  const { query } = request;
  const [token, start_after] = [query.get("continuation-token"), query.get("start-after")];
  // The token continues a list that already began after start-after.
  const from = token !== null ? { cursor: cursorOf(token) } : start_after ? { startAfter: start_after } : {};
  const page = await readPage(platform, request, from);
  const encode = encoder(query);
  return xmlAnswer("ListBucketResult", {
    ...echo(request, page),
    KeyCount: page.contents.length + page.common_prefixes.length,
    StartAfter: start_after === null ? undefined : encode(start_after),
    ContinuationToken: token ?? undefined,
    NextContinuationToken: page.cursor && continuationToken(page.cursor),
  });
};

/** The engine's cursor takes any text for one, and begins the list anew: with its digest a token is known for ours. */
const continuationToken = (cursor: string) => `${cursor}.${createHash("sha256").update(cursor).digest("base64url")}`;

function cursorOf(token: string): string {
  const cursor = token.slice(0, token.lastIndexOf("."));
  if (token === continuationToken(cursor)) return cursor;
  throw new S3Error("InvalidArgument", "The continuation token provided is incorrect.");
}

export const listObjects: Operation = async (platform, request) => {
  const { query } = request;
  const marker = query.get("marker") ?? "";
  const delimiter = query.get("delimiter");
  // A marker that is a common prefix stands for every key below it; an object may be called like the prefix itself.
  const prefix = query.get("prefix") ?? "";
  const rest = marker.startsWith(prefix) ? marker.slice(prefix.length) : "";
  const isCommonPrefix = delimiter && rest !== "" && rest.indexOf(delimiter) === rest.length - delimiter.length;
  const after = isCommonPrefix ? `${marker}\u{10ffff}` : marker;
  const page = await readPage(platform, request, after ? { startAfter: after } : {});
  const encode = encoder(query);
  return xmlAnswer("ListBucketResult", {
    ...echo(request, page),
    Marker: encode(marker),
    NextMarker: page.truncated && page.last ? encode(page.last) : undefined,
  });
};

async function readPage(
  platform: S3Platform,
  { bucket, query }: S3Request,
  from: { cursor?: string; startAfter?: string },
): Promise<Page> {
  bucketRecord(platform, bucket);
  const limit = Math.min(maxKeys(query), R2_KEYS_PER_CALL_MAX);
  const delimiter = query.get("delimiter");
  const listed = await (await platform.engine.r2(bucket)).list({
    prefix: query.get("prefix") ?? "",
    ...(delimiter ? { delimiter } : {}),
    // R2 has no empty pages: one key is read to learn whether there is any.
    limit: Math.max(limit, 1),
    ...from,
  });
  if (limit === 0) {
    const truncated = listed.objects.length + listed.delimitedPrefixes.length > 0;
    return { contents: [], common_prefixes: [], truncated, cursor: undefined, last: "" };
  }
  const encode = encoder(query);
  const names = [listed.objects.at(-1)?.key ?? "", listed.delimitedPrefixes.at(-1) ?? ""];
  return {
    contents: listed.objects.map(({ key, size, uploaded, httpEtag }) => ({
      Key: encode(key),
      Size: size,
      LastModified: uploaded.toISOString(),
      ETag: httpEtag,
      StorageClass: "STANDARD",
    })),
    common_prefixes: listed.delimitedPrefixes.map((prefix) => ({ Prefix: encode(prefix) })),
    truncated: listed.truncated,
    cursor: listed.truncated ? listed.cursor : undefined,
    last: names.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))).at(-1) ?? "",
  };
}

function echo({ bucket, query }: S3Request, page: Page): XmlFields {
  const encode = encoder(query);
  const [delimiter, encoding] = [query.get("delimiter"), query.get("encoding-type")];
  return {
    Name: bucket,
    Prefix: encode(query.get("prefix") ?? ""),
    Delimiter: delimiter === null ? undefined : encode(delimiter),
    MaxKeys: maxKeys(query),
    IsTruncated: page.truncated,
    EncodingType: encoding ?? undefined,
    Contents: page.contents,
    CommonPrefixes: page.common_prefixes,
  };
}

function maxKeys(query: URLSearchParams): number {
  const text = query.get("max-keys") ?? String(R2_KEYS_PER_CALL_MAX);
  if (!/^\d{1,10}$/.test(text)) throw new S3Error("InvalidMaxKeys", "MaxKeys params must be positive integer <= 1000.");
  return Number(text);
}

function encoder(query: URLSearchParams): (text: string) => string {
  const encoding = query.get("encoding-type");
  if (encoding !== null && encoding !== "url")
    throw new S3Error("NotImplemented", `Unrecognized encoding-type "${encoding}" not implemented`);
  return encoding === "url" ? awsUriEncode : (text) => text;
}
