/** HTTP headers ↔ what R2 stores beside an object's content. */
import type { IncomingHttpHeaders } from "node:http";
import type { R2HTTPMetadata, R2Object } from "@cloudflare/workers-types";
import { R2_METADATA_MAX_BYTES } from "../../infra/cloudflare-limits.ts";
import { httpHeaders } from "./gateway-bucket.ts";
import { S3Error } from "./s3-error.ts";

const META = "x-amz-meta-";

/** What a GET may ask to see instead of the stored value. */
export const RESPONSE_HEADERS = [
  "cache-control",
  "content-disposition",
  "content-encoding",
  "content-language",
  "content-type",
  "expires",
];

/** The metadata that a write's headers give. Errors: MetadataTooLarge. */
export function metadataOf(headers: IncomingHttpHeaders): {
  httpMetadata: R2HTTPMetadata;
  customMetadata: Record<string, string>;
} {
  const customMetadata: Record<string, string> = {};
  let size_bytes = 0;
  for (const [name, value] of Object.entries(headers)) {
    if (!name.startsWith(META) || typeof value !== "string") continue;
    customMetadata[name.slice(META.length)] = value;
    size_bytes += name.length - META.length + Buffer.byteLength(value);
  }
  if (size_bytes > R2_METADATA_MAX_BYTES)
    throw new S3Error(
      "MetadataTooLarge",
      `Your metadata headers exceed the maximum allowed metadata size of ${R2_METADATA_MAX_BYTES} bytes.`,
    );
  // aws-chunked is how the request travelled, not how the object is encoded.
  const encoding = headers["content-encoding"]
    ?.split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "aws-chunked" && part !== "")
    .join(", ");
  const expires = headers.expires === undefined ? undefined : new Date(headers.expires);
  const fields: R2HTTPMetadata = {
    ...(headers["content-type"] ? { contentType: headers["content-type"] } : {}),
    ...(headers["content-language"] ? { contentLanguage: headers["content-language"] } : {}),
    ...(headers["content-disposition"] ? { contentDisposition: headers["content-disposition"] } : {}),
    ...(encoding ? { contentEncoding: encoding } : {}),
    ...(headers["cache-control"] ? { cacheControl: headers["cache-control"] } : {}),
    ...(expires && !Number.isNaN(expires.getTime()) ? { cacheExpiry: expires } : {}),
  };
  return { httpMetadata: fields, customMetadata };
}

/** The headers of GetObject and HeadObject. A GET's `response-…` parameters replace stored ones. */
export function headersOf(object: R2Object, query: URLSearchParams): Record<string, string> {
  const headers: Record<string, string> = {
    "content-type": "application/octet-stream",
    ...Object.fromEntries(httpHeaders(object.httpMetadata)),
    ...validators(object),
    "accept-ranges": "bytes",
  };
  for (const [name, value] of Object.entries(object.customMetadata ?? {})) headers[META + name] = headerText(value);
  for (const name of RESPONSE_HEADERS) {
    const value = query.get(`response-${name}`);
    if (value !== null) headers[name] = headerText(value);
  }
  return headers;
}

/** The headers that name the version of an object; all that a 304 carries. */
export function validators(object: R2Object): Record<string, string> {
  return { etag: object.httpEtag, "last-modified": object.uploaded.toUTCString() };
}

/** A Worker may have stored what a header cannot hold: it is sent as RFC 2047 words, as R2 does. */
function headerText(value: string): string {
  return /^[\t\x20-\x7e\x80-\xff]*$/.test(value) ? value : `=?UTF-8?B?${Buffer.from(value).toString("base64")}?=`;
}
