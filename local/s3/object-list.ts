/** ListObjectsV2 and ListObjects. */
import { R2_KEYS_PER_CALL_MAX } from "../../infra/cloudflare-limits.ts";
import { bucketRecord, type Operation, type S3Platform, type S3Request, xmlAnswer } from "./exchange.ts";
import { S3Error } from "./s3-error.ts";
import { awsUriEncode } from "./sigv4.ts";
import type { XmlElement } from "./xml.ts";

interface Page {
  contents: XmlElement[];
  common_prefixes: XmlElement[];
  truncated: boolean;
  cursor: string | undefined;
  /** Greatest key or common prefix of the page. */
  last: string;
}

export const listObjectsV2: Operation = async (platform, request) => {
  const { query } = request;
  const [token, start_after] = [query.get("continuation-token"), query.get("start-after")];
  // The token continues a list that already began after start-after.
  const from = token ? { cursor: token } : start_after ? { startAfter: start_after } : {};
  const page = await readPage(platform, request, from);
  const encode = encoder(query);
  return xmlAnswer([
    "ListBucketResult",
    [
      ...echo(request, page),
      ["KeyCount", page.contents.length + page.common_prefixes.length],
      ...(start_after === null ? [] : [["StartAfter", encode(start_after)] as const]),
      ...(token === null ? [] : [["ContinuationToken", token] as const]),
      ...(page.cursor === undefined ? [] : [["NextContinuationToken", page.cursor] as const]),
    ],
  ]);
};

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
  return xmlAnswer([
    "ListBucketResult",
    [
      ...echo(request, page),
      ["Marker", encode(marker)],
      ...(page.truncated && page.last ? [["NextMarker", encode(page.last)] as const] : []),
    ],
  ]);
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
    contents: listed.objects.map(
      ({ key, size, uploaded, httpEtag }): XmlElement => [
        "Contents",
        [
          ["Key", encode(key)],
          ["Size", size],
          ["LastModified", uploaded.toISOString()],
          ["ETag", httpEtag],
          ["StorageClass", "STANDARD"],
        ],
      ],
    ),
    common_prefixes: listed.delimitedPrefixes.map(
      (prefix): XmlElement => ["CommonPrefixes", [["Prefix", encode(prefix)]]],
    ),
    truncated: listed.truncated,
    cursor: listed.truncated ? listed.cursor : undefined,
    last: names.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))).at(-1) ?? "",
  };
}

function echo({ bucket, query }: S3Request, page: Page): XmlElement[] {
  const encode = encoder(query);
  const [delimiter, encoding] = [query.get("delimiter"), query.get("encoding-type")];
  return [
    ["Name", bucket],
    ["Prefix", encode(query.get("prefix") ?? "")],
    ...(delimiter === null ? [] : [["Delimiter", encode(delimiter)] as const]),
    ["MaxKeys", maxKeys(query)],
    ["IsTruncated", page.truncated],
    ...(encoding === null ? [] : [["EncodingType", encoding] as const]),
    ...page.contents,
    ...page.common_prefixes,
  ];
}

function maxKeys(query: URLSearchParams): number {
  const text = query.get("max-keys") ?? String(R2_KEYS_PER_CALL_MAX);
  if (!/^\d{1,10}$/.test(text)) {
    throw new S3Error("InvalidMaxKeys", "MaxKeys params must be positive integer <= 1000.");
  }
  return Number(text);
}

function encoder(query: URLSearchParams): (text: string) => string {
  const encoding = query.get("encoding-type");
  if (encoding !== null && encoding !== "url") {
    throw new S3Error("NotImplemented", `Unrecognized encoding-type "${encoding}" not implemented`);
  }
  return encoding === "url" ? awsUriEncode : (text) => text;
}
