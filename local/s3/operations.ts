/** Which S3 operation a request is. What R2 does not have is refused with NotImplemented, never ignored. */
import { createBucket, deleteBucket, getBucketLocation, headBucket, listBuckets } from "./buckets.ts";
import type { Operation, S3Request } from "./exchange.ts";
import {
  abortMultipartUpload,
  completeMultipartUpload,
  createMultipartUpload,
  listMultipartUploads,
  listParts,
  uploadPart,
  uploadPartCopy,
} from "./multipart.ts";
import { listObjects, listObjectsV2 } from "./object-list.ts";
import { RESPONSE_HEADERS } from "./object-metadata.ts";
import { getObject, headObject } from "./object-read.ts";
import { copyObject, deleteObject, deleteObjects, putObject } from "./object-write.ts";
import { S3Error } from "./s3-error.ts";

interface Route {
  level: "account" | "bucket" | "object";
  method: string;
  /** Parameters that must be there, most specific route first. */
  selectors: string[];
  /** Further parameters that the operation understands. */
  parameters: string[];
  /** Whether `x-amz-copy-source` must be there (or must not). */
  copies?: boolean;
  operation: Operation;
}

const LISTING = ["prefix", "delimiter", "max-keys", "encoding-type"];
const READING = RESPONSE_HEADERS.map((name) => `response-${name}`);
const UPLOADS = ["prefix", "delimiter", "max-uploads", "key-marker", "upload-id-marker", "encoding-type"];

const ROUTES: Route[] = [
  route("account", "GET", [], ["max-buckets", "prefix"], listBuckets),
  route("bucket", "PUT", [], [], createBucket),
  route("bucket", "DELETE", [], [], deleteBucket),
  route("bucket", "HEAD", [], [], headBucket),
  route("bucket", "POST", ["delete"], [], deleteObjects),
  route("bucket", "GET", ["location"], [], getBucketLocation),
  route("bucket", "GET", ["uploads"], UPLOADS, listMultipartUploads),
  route(
    "bucket",
    "GET",
    ["list-type"],
    [...LISTING, "continuation-token", "start-after", "fetch-owner"],
    listObjectsV2,
  ),
  route("bucket", "GET", [], [...LISTING, "marker"], listObjects),
  route("object", "GET", ["uploadId"], ["max-parts", "part-number-marker", "encoding-type"], listParts),
  route("object", "GET", [], READING, getObject),
  route("object", "HEAD", [], READING, headObject),
  route("object", "PUT", ["partNumber", "uploadId"], [], uploadPart, false),
  route("object", "PUT", ["partNumber", "uploadId"], [], uploadPartCopy, true),
  route("object", "PUT", [], [], putObject, false),
  route("object", "PUT", [], [], copyObject, true),
  route("object", "POST", ["uploads"], [], createMultipartUpload),
  route("object", "POST", ["uploadId"], [], completeMultipartUpload),
  route("object", "DELETE", ["uploadId"], [], abortMultipartUpload),
  route("object", "DELETE", [], [], deleteObject),
];

function route(
  level: Route["level"],
  method: string,
  selectors: string[],
  parameters: string[],
  operation: Operation,
  copies?: boolean,
): Route {
  return { level, method, selectors, parameters, operation, ...(copies === undefined ? {} : { copies }) };
}

/** Headers whose meaning R2 does not offer; to ignore one would promise what is not kept. */
const UNSUPPORTED_HEADERS =
  /^x-amz-(tagging|object-lock-|grant-|website-redirect-location|mfa|bypass-governance-retention|expected-bucket-owner|source-expected-bucket-owner|server-side-encryption-|copy-source-server-side-encryption-|bucket-object-lock-enabled)/;

/** Headers that R2 takes with these values only. */
const SUPPORTED_VALUES: Record<string, string[]> = {
  "x-amz-server-side-encryption": ["AES256"],
  "x-amz-storage-class": ["STANDARD"],
};

/** The operation for a request. Errors: NotImplemented, MethodNotAllowed. */
export function operationFor(method: string, { bucket, key, query, headers }: Omit<S3Request, "payload">): Operation {
  for (const [name, value] of Object.entries(headers)) {
    const values = SUPPORTED_VALUES[name];
    if (values ? !values.includes(String(value)) : UNSUPPORTED_HEADERS.test(name))
      throw new S3Error("NotImplemented", `Header '${name}' with value '${value}' not implemented`);
  }
  const level = bucket === "" ? "account" : key === "" ? "bucket" : "object";
  const copies = headers["x-amz-copy-source"] !== undefined;
  const candidates = ROUTES.filter((entry) => entry.level === level && entry.method === method);
  if (candidates.length === 0)
    throw new S3Error("MethodNotAllowed", `The specified method is not allowed against this ${level}.`);
  const found = candidates.find(
    ({ selectors, copies: wanted }) =>
      selectors.every((name) => query.has(name)) && (wanted === undefined || wanted === copies),
  );
  const unknown = [...query.keys()].find(
    (name) =>
      !name.toLowerCase().startsWith("x-amz-") &&
      name !== "x-id" &&
      !found?.selectors.includes(name) &&
      !found?.parameters.includes(name),
  );
  if (!found || unknown !== undefined)
    throw new S3Error("NotImplemented", `${method} of this ${level} with parameter ${unknown} not implemented`);
  if (found.operation === listObjectsV2 && query.get("list-type") !== "2")
    throw new S3Error("NotImplemented", `ListObjectsV${query.get("list-type")} not implemented`);
  return found.operation;
}
