import { createHash, randomBytes } from "node:crypto";
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  ListMultipartUploadsCommand,
  ListPartsCommand,
  PutObjectCommand,
  type S3Client,
  UploadPartCommand,
  UploadPartCopyCommand,
} from "@aws-sdk/client-s3";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startS3 } from "./s3-server.fixture.ts";

const PART = 5 * 1024 ** 2;
const BIG = randomBytes(PART);
const SMALL = Buffer.from("the last part may be small");

let s3: Awaited<ReturnType<typeof startS3>>;
let client: S3Client;
beforeAll(async () => {
  s3 = await startS3();
  s3.addBucket("first");
  s3.addBucket("locked", [
    { id: "a-day", enabled: true, prefix: "day/", condition: { type: "Age", maxAgeSeconds: 86_400 } },
    { id: "for-ever", enabled: true, prefix: "ever/", condition: { type: "Indefinite" } },
    { id: "past", enabled: true, prefix: "past/", condition: { type: "Date", date: "2020-01-01T00:00:00Z" } },
    { id: "future", enabled: true, prefix: "future/", condition: { type: "Date", date: "2999-01-01T00:00:00Z" } },
    { id: "off", enabled: false, condition: { type: "Indefinite" } },
  ]);
  client = s3.client();
});
afterAll(() => s3.close());

const Bucket = "first";
const md5 = (...pieces: Uint8Array[]) => createHash("md5").update(Buffer.concat(pieces)).digest();
const refusal = (promise: Promise<unknown>) =>
  promise.then(
    () => "accepted",
    (error) => `${error.$metadata?.httpStatusCode} ${error.name}`,
  );
const begin = async (Key: string, more = {}) => {
  const { UploadId } = await client.send(new CreateMultipartUploadCommand({ Bucket, Key, ...more }));
  return { Bucket, Key, UploadId };
};
type Target = Awaited<ReturnType<typeof begin>>;
const part = async (target: Target, PartNumber: number, Body: Uint8Array) => {
  const { ETag } = await client.send(new UploadPartCommand({ ...target, PartNumber, Body }));
  return { PartNumber, ETag };
};
const complete = (target: Target, Parts: { PartNumber: number; ETag: string | undefined }[]) =>
  client.send(new CompleteMultipartUploadCommand({ ...target, MultipartUpload: { Parts } }));

test("parts become one object with R2's ETag, and the upload is listed until then", async () => {
  const target = await begin("multi/part é", { ContentType: "text/m", Metadata: { m: "1" } });
  const last = await part(target, 3, SMALL);
  const first = await part(target, 1, BIG);
  expect(first.ETag).toBe(`"${md5(BIG).toString("hex")}"`);

  const { Parts } = await client.send(new ListPartsCommand(target));
  expect(Parts).toMatchObject([
    { PartNumber: 1, Size: PART, ETag: first.ETag },
    { PartNumber: 3, Size: SMALL.length, ETag: last.ETag },
  ]);
  const page = await client.send(new ListPartsCommand({ ...target, MaxParts: 1 }));
  expect(page).toMatchObject({ IsTruncated: true, NextPartNumberMarker: "1" });
  const { Uploads } = await client.send(new ListMultipartUploadsCommand({ Bucket, Prefix: "multi/" }));
  expect(Uploads).toMatchObject([{ Key: target.Key, UploadId: target.UploadId }]);

  const { ETag } = await complete(target, [first, last]);
  expect(ETag).toBe(`"${md5(md5(BIG), md5(SMALL)).toString("hex")}-2"`);
  const got = await client.send(new GetObjectCommand({ Bucket, Key: target.Key }));
  expect(got).toMatchObject({ ETag, ContentType: "text/m", Metadata: { m: "1" }, ContentLength: PART + SMALL.length });
  expect(Buffer.concat([BIG, SMALL]).equals((await got.Body?.transformToByteArray()) ?? Buffer.alloc(0))).toBe(true);
  const across = await client.send(
    new GetObjectCommand({ Bucket, Key: target.Key, Range: `bytes=${PART - 2}-${PART + 2}` }),
  );
  expect(Buffer.from((await across.Body?.transformToByteArray()) ?? [])).toEqual(
    Buffer.concat([BIG.subarray(-2), SMALL.subarray(0, 3)]),
  );
  expect((await client.send(new ListMultipartUploadsCommand({ Bucket }))).Uploads).toBeUndefined();
  expect(await refusal(complete(target, [first, last]))).toBe("404 NoSuchUpload");
});

test("a completion is refused unless its parts exist, ascend, and keep R2's sizes", async () => {
  const target = await begin("sizes");
  const [one, two, three] = [await part(target, 1, BIG), await part(target, 2, SMALL), await part(target, 3, BIG)];
  const longer = await part(target, 4, Buffer.concat([BIG, SMALL]));
  expect(await refusal(complete(target, [one, two, three]))).toBe("400 EntityTooSmall");
  expect(await refusal(complete(target, [one, longer]))).toBe("400 InvalidPart");
  expect(await refusal(complete(target, [three, one]))).toBe("400 InvalidPartOrder");
  expect(await refusal(complete(target, [one, { PartNumber: 5, ETag: one.ETag }]))).toBe("400 InvalidPart");
  expect(await refusal(complete(target, [{ PartNumber: 1, ETag: two.ETag }]))).toBe("400 InvalidPart");
  expect(await refusal(complete(target, []))).toBe("400 MalformedXML");
  expect(await refusal(part(target, 10_001, SMALL))).toBe("400 InvalidArgument");
  expect(await refusal(part({ ...target, UploadId: "none" }, 1, SMALL))).toBe("404 NoSuchUpload");
  expect(await refusal(complete(target, [one, three]))).toBe("accepted");
});

test("a part uploaded again replaces the first, and an aborted upload is gone", async () => {
  const target = await begin("again");
  await part(target, 1, BIG);
  const again = await part(target, 1, SMALL);
  await complete(target, [again]);
  const { Body } = await client.send(new GetObjectCommand({ Bucket, Key: "again" }));
  expect(await Body?.transformToString()).toBe(SMALL.toString());

  const aborted = await begin("aborted");
  const lost = await part(aborted, 1, SMALL);
  await client.send(new AbortMultipartUploadCommand(aborted));
  expect(await refusal(complete(aborted, [lost]))).toBe("404 NoSuchUpload");
  expect(await refusal(client.send(new ListPartsCommand(aborted)))).toBe("404 NoSuchUpload");
});

test("parts may be copied from ranges of other objects", async () => {
  await client.send(new PutObjectCommand({ Bucket, Key: "source", Body: Buffer.concat([BIG, SMALL]) }));
  const target = await begin("assembled");
  const copy = async (PartNumber: number, CopySourceRange: string) => {
    const { CopyPartResult } = await client.send(
      new UploadPartCopyCommand({ ...target, PartNumber, CopySource: `${Bucket}/source`, CopySourceRange }),
    );
    return { PartNumber, ETag: CopyPartResult?.ETag };
  };
  const parts = [await copy(1, `bytes=0-${PART - 1}`), await copy(2, `bytes=${PART + 4}-${PART + 7}`)];
  expect(await refusal(copy(3, `bytes=0-${2 * PART}`))).toBe("416 InvalidRange");
  await complete(target, parts);
  const { Body } = await client.send(new GetObjectCommand({ Bucket, Key: "assembled", Range: `bytes=${PART}-` }));
  expect(await Body?.transformToString()).toBe(SMALL.subarray(4, 8).toString());
});

test("a bucket lock rule blocks overwriting and deleting, by every operation", async () => {
  const locked = { Bucket: "locked", Key: "ever/x" };
  const LOCKED = "403 ObjectLockedByBucketPolicy";
  const put = (Key: string) => refusal(client.send(new PutObjectCommand({ Bucket: "locked", Key, Body: "1" })));
  expect(await put("ever/x")).toBe("accepted");
  expect(await put("ever/x")).toBe(LOCKED);
  expect(await refusal(client.send(new DeleteObjectCommand(locked)))).toBe(LOCKED);
  expect(await refusal(client.send(new CopyObjectCommand({ ...locked, CopySource: "locked/ever/x" })))).toBe(LOCKED);
  const { UploadId } = await client.send(new CreateMultipartUploadCommand(locked));
  const { ETag } = await client.send(new UploadPartCommand({ ...locked, UploadId, PartNumber: 1, Body: "2" }));
  const MultipartUpload = { Parts: [{ PartNumber: 1, ETag }] };
  expect(await refusal(client.send(new CompleteMultipartUploadCommand({ ...locked, UploadId, MultipartUpload })))).toBe(
    LOCKED,
  );

  await put("free");
  const { Deleted, Errors } = await client.send(
    new DeleteObjectsCommand({ Bucket: "locked", Delete: { Objects: [{ Key: "ever/x" }, { Key: "free" }] } }),
  );
  expect(Deleted).toEqual([{ Key: "free" }]);
  expect(Errors).toMatchObject([{ Key: "ever/x", Code: "ObjectLockedByBucketPolicy" }]);
});

test("a lock ends with its age or date, and of racing creations under a lock one wins", async () => {
  const put = (Key: string) => refusal(client.send(new PutObjectCommand({ Bucket: "locked", Key, Body: "1" })));
  expect([await put("past/x"), await put("past/x")]).toEqual(["accepted", "accepted"]);
  expect([await put("future/x"), await put("future/x")]).toEqual(["accepted", "403 ObjectLockedByBucketPolicy"]);
  expect([await put("unruled"), await put("unruled")]).toEqual(["accepted", "accepted"]);

  const outcomes = await Promise.all(Array.from({ length: 10 }, () => put("day/x")));
  expect(outcomes.filter((outcome) => outcome === "accepted")).toHaveLength(1);
  s3.clock.engine_ahead_ms = 86_400_000 + 60_000;
  expect(await put("day/x")).toBe("accepted");
  s3.clock.engine_ahead_ms = 0;
});
