/** Multipart uploads. R2's rules: 10 000 parts, 5 MiB each but the last, and all of them but the last of one size. */
import type { R2MultipartOptions, R2MultipartUpload, R2UploadedPart } from "@cloudflare/workers-types";
import { R2_PART_MIN_BYTES, R2_PARTS_MAX } from "../../infra/cloudflare-limits.ts";
import {
  bucketRecord,
  header,
  type Operation,
  queryNumber,
  type S3Platform,
  type S3Request,
  xmlAnswer,
} from "./exchange.ts";
import { guardedWrite } from "./guarded-write.ts";
import { metadataOf } from "./object-metadata.ts";
import { openCopySource, refuseTooLarge } from "./object-write.ts";
import { conditionsOf } from "./preconditions.ts";
import { S3Error } from "./s3-error.ts";
import { awsUriEncode } from "./sigv4.ts";
import type { Upload, UploadPart } from "./upload-ledger.ts";
import { type CompletedPart, parseCompletion } from "./xml.ts";

type PartValue = Parameters<R2MultipartUpload["uploadPart"]>[1];

export const createMultipartUpload: Operation = async (platform, { bucket, key, headers, payload }) => {
  bucketRecord(platform, bucket);
  await payload.drain();
  const options: R2MultipartOptions = metadataOf(headers);
  const { uploadId } = await (await platform.engine.r2(bucket)).createMultipartUpload(key, options);
  platform.uploads.start({ upload_id: uploadId, bucket, key, initiated_ms: platform.engine.now() });
  return xmlAnswer("InitiateMultipartUploadResult", { Bucket: bucket, Key: key, UploadId: uploadId });
};

export const uploadPart: Operation = async (platform, request) => {
  const { payload } = request;
  const { upload, part_number, r2 } = await openPart(platform, request);
  refuseTooLarge(payload.length_bytes);
  const part = await payload.store((content) => r2.uploadPart(part_number, content as unknown as PartValue));
  keepPart(platform, upload, part, payload.md5, payload.length_bytes);
  return { status: 200, headers: { etag: `"${payload.md5}"` } };
};

export const uploadPartCopy: Operation = async (platform, request) => {
  await request.payload.drain();
  const { upload, part_number, r2 } = await openPart(platform, request);
  const range = parseCopyRange(header(request, "x-amz-copy-source-range"));
  const { content, length_bytes } = await openCopySource(platform, request, range);
  const part = await r2.uploadPart(part_number, content);
  // R2 has not told the part's MD5 here; its own name is as good an ETag.
  keepPart(platform, upload, part, part.etag, length_bytes);
  return xmlAnswer("CopyPartResult", {
    ETag: `"${part.etag}"`,
    LastModified: new Date(platform.engine.now()).toISOString(),
  });
};

export const completeMultipartUpload: Operation = async (platform, request) => {
  const { bucket, key, headers, payload } = request;
  const upload = openUpload(platform, request);
  const wanted = parseCompletion(await payload.text());
  if (conditionsOf(headers))
    throw new S3Error("NotImplemented", "A conditional CompleteMultipartUpload is not implemented");
  const parts = choose(platform.uploads.parts(upload.upload_id), wanted);
  const object = await guardedWrite(platform, bucket, key, async () =>
    (await platform.engine.r2(bucket))
      .resumeMultipartUpload(key, upload.upload_id)
      .complete(parts.map(({ part_number, r2_etag }) => ({ partNumber: part_number, etag: r2_etag }))),
  );
  platform.uploads.finish(upload.upload_id);
  return xmlAnswer("CompleteMultipartUploadResult", {
    Location: `/${bucket}/${key.split("/").map(awsUriEncode).join("/")}`,
    Bucket: bucket,
    Key: key,
    ETag: object.httpEtag,
  });
};

export const abortMultipartUpload: Operation = async (platform, request) => {
  const { upload_id, bucket, key } = openUpload(platform, request);
  await (await platform.engine.r2(bucket)).resumeMultipartUpload(key, upload_id).abort();
  platform.uploads.finish(upload_id);
  return { status: 204 };
};

export const listParts: Operation = (platform, request) => {
  const { bucket, key, query } = request;
  const { upload_id } = openUpload(platform, request);
  const after = queryNumber(query, "part-number-marker", 0, R2_PARTS_MAX);
  const limit = queryNumber(query, "max-parts", 1000, 1000);
  const later = platform.uploads.parts(upload_id).filter(({ part_number }) => part_number > after);
  const page = later.slice(0, limit);
  return xmlAnswer("ListPartsResult", {
    Bucket: bucket,
    Key: key,
    UploadId: upload_id,
    PartNumberMarker: after,
    NextPartNumberMarker: page.at(-1)?.part_number ?? after,
    MaxParts: limit,
    IsTruncated: later.length > page.length,
    StorageClass: "STANDARD",
    Part: page.map(({ part_number, md5, size_bytes, uploaded_ms }) => ({
      PartNumber: part_number,
      ETag: `"${md5}"`,
      Size: size_bytes,
      LastModified: new Date(uploaded_ms).toISOString(),
    })),
  });
};

export const listMultipartUploads: Operation = (platform, { bucket, query }) => {
  bucketRecord(platform, bucket);
  if (query.has("delimiter"))
    throw new S3Error("NotImplemented", "ListMultipartUploads with delimiter not implemented");
  const prefix = query.get("prefix") ?? "";
  const limit = queryNumber(query, "max-uploads", 1000, 1000);
  const marker = { key: query.get("key-marker") ?? "", upload_id: query.get("upload-id-marker") ?? "" };
  const later = platform.uploads.list(bucket, prefix, marker.key === "" ? undefined : marker);
  const page = later.slice(0, limit);
  const encoding = query.get("encoding-type");
  const encode = encoding === "url" ? awsUriEncode : (text: string) => text;
  return xmlAnswer("ListMultipartUploadsResult", {
    Bucket: bucket,
    Prefix: encode(prefix),
    KeyMarker: encode(marker.key),
    UploadIdMarker: marker.upload_id,
    NextKeyMarker: encode(page.at(-1)?.key ?? ""),
    NextUploadIdMarker: page.at(-1)?.upload_id ?? "",
    MaxUploads: limit,
    IsTruncated: later.length > page.length,
    EncodingType: encoding ?? undefined,
    Upload: page.map(({ key, upload_id, initiated_ms }) => ({
      Key: encode(key),
      UploadId: upload_id,
      StorageClass: "STANDARD",
      Initiated: new Date(initiated_ms).toISOString(),
    })),
  });
};

function openUpload(platform: S3Platform, { bucket, key, query }: S3Request): Upload {
  bucketRecord(platform, bucket);
  const upload = platform.uploads.get(bucket, key, query.get("uploadId") ?? "");
  if (!upload) throw new S3Error("NoSuchUpload", "The specified multipart upload does not exist.");
  return upload;
}

async function openPart(platform: S3Platform, request: S3Request) {
  const part_number = queryNumber(request.query, "partNumber", 0, Number.MAX_SAFE_INTEGER);
  if (part_number < 1 || part_number > R2_PARTS_MAX)
    throw new S3Error("InvalidArgument", `Part number must be an integer between 1 and ${R2_PARTS_MAX}, inclusive.`);
  const upload = openUpload(platform, request);
  const r2 = (await platform.engine.r2(request.bucket)).resumeMultipartUpload(request.key, upload.upload_id);
  return { upload, part_number, r2 };
}

function keepPart(
  { engine, uploads }: S3Platform,
  upload: Upload,
  part: R2UploadedPart,
  md5: string,
  size_bytes: number,
) {
  const { partNumber: part_number, etag: r2_etag } = part;
  uploads.putPart(upload.upload_id, { part_number, r2_etag, md5, size_bytes, uploaded_ms: engine.now() });
}

function parseCopyRange(range: string | undefined): { offset: number; length: number } | undefined {
  if (range === undefined) return undefined;
  const match = /^bytes=(\d+)-(\d+)$/.exec(range);
  const [first, last] = [Number(match?.[1]), Number(match?.[2])];
  if (!match || last < first) throw new S3Error("InvalidArgument", `Invalid x-amz-copy-source-range: ${range}`);
  return { offset: first, length: last - first + 1 };
}

/** The uploaded parts that a completion names. Errors: InvalidPart, InvalidPartOrder, EntityTooSmall. */
function choose(uploaded: UploadPart[], wanted: CompletedPart[]): UploadPart[] {
  const byNumber = new Map(uploaded.map((part) => [part.part_number, part]));
  const parts = wanted.map(({ part_number, etag }) => {
    const part = byNumber.get(part_number);
    if (part?.md5 !== etag)
      throw new S3Error("InvalidPart", `One or more of the specified parts could not be found: number ${part_number}.`);
    return part;
  });
  if (parts.some((part, index) => part.part_number <= (parts[index - 1]?.part_number ?? 0)))
    throw new S3Error("InvalidPartOrder", "The list of parts was not in ascending order.");
  const [first, last] = [parts[0], parts.at(-1)];
  const leading = parts.slice(0, -1);
  if (leading.some(({ size_bytes }) => size_bytes < R2_PART_MIN_BYTES))
    throw new S3Error(
      "EntityTooSmall",
      `Your proposed upload is smaller than the minimum allowed object size: a part that is not the last has less than ${R2_PART_MIN_BYTES} bytes.`,
    );
  const size_bytes = first?.size_bytes ?? 0;
  if (leading.some((part) => part.size_bytes !== size_bytes) || (last?.size_bytes ?? 0) > size_bytes)
    throw new S3Error("InvalidPart", "All non-trailing parts must have the same length, and the last be no longer.");
  return parts;
}
