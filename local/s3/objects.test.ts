import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import {
  CopyObjectCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadObjectCommand,
  PutObjectCommand,
  type S3Client,
} from "@aws-sdk/client-s3";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startS3 } from "./s3-server.fixture.ts";

let s3: Awaited<ReturnType<typeof startS3>>;
let client: S3Client;
beforeAll(async () => {
  s3 = await startS3();
  for (const name of ["first", "second"]) s3.addBucket(name);
  client = s3.client();
});
afterAll(() => s3.close());

const Bucket = "first";
const md5 = (data: string | Uint8Array) => createHash("md5").update(data).digest("hex");
const read = async (Key: string, more = {}) => {
  const { Body, ...rest } = await client.send(new GetObjectCommand({ Bucket, Key, ...more }));
  return { ...rest, text: await Body?.transformToString() };
};
const refusal = (promise: Promise<unknown>) =>
  promise.then(
    () => ({ name: "accepted", status: 200 }),
    (error) => ({ name: error.name, status: error.$metadata?.httpStatusCode }),
  );

describe.each([
  ["the SDK's default checksums", {}],
  ["no checksums", { requestChecksumCalculation: "WHEN_REQUIRED", responseChecksumValidation: "WHEN_REQUIRED" }],
] as const)("with %s", (_name, config) => {
  test("an object comes back as it was put, with its headers and metadata", async () => {
    const put = await s3.client(config).send(
      new PutObjectCommand({
        Bucket,
        Key: "a/plain",
        Body: "hello",
        ContentType: "text/plain; charset=utf-8",
        CacheControl: "no-store",
        ContentDisposition: 'attachment; filename="x"',
        ContentEncoding: "identity",
        ContentLanguage: "en",
        Expires: new Date("2030-01-02T03:04:05Z"),
        Metadata: { origin: "test", "two-words": "a  b" },
      }),
    );
    expect(put.ETag).toBe(`"${md5("hello")}"`);
    const got = await read("a/plain");
    expect(got).toMatchObject({
      text: "hello",
      ETag: `"${md5("hello")}"`,
      ContentLength: 5,
      ContentType: "text/plain; charset=utf-8",
      CacheControl: "no-store",
      ContentDisposition: 'attachment; filename="x"',
      ContentEncoding: "identity",
      ContentLanguage: "en",
      ExpiresString: "Wed, 02 Jan 2030 03:04:05 GMT",
      Metadata: { origin: "test", "two-words": "a  b" },
    });
    const head = await client.send(new HeadObjectCommand({ Bucket, Key: "a/plain" }));
    expect(head).toMatchObject({ ContentLength: 5, ETag: put.ETag, Metadata: { origin: "test" } });
  });

  test("a stream of known length is stored", async () => {
    const Body = Readable.from([Buffer.alloc(200_000, 1), Buffer.alloc(100_000, 2)]);
    await s3.client(config).send(new PutObjectCommand({ Bucket, Key: "stream", Body, ContentLength: 300_000 }));
    const { Body: got } = await client.send(new GetObjectCommand({ Bucket, Key: "stream" }));
    const bytes = (await got?.transformToByteArray()) ?? new Uint8Array();
    expect([bytes.length, bytes[0], bytes[299_999]]).toEqual([300_000, 1, 2]);
  });

  test("keys of any characters and bodies of any bytes round-trip", async () => {
    const sender = s3.client(config);
    const piece = fc.oneof(
      fc.constantFrom("..", ".", "/", "//", "+", "%", "%2F", " ", "é", "日本", "😀", "?", "#", "&", "=", "'", "*", "~"),
      fc.string({ unit: "grapheme", minLength: 1, maxLength: 5 }),
    );
    const key = fc
      .array(piece, { minLength: 1, maxLength: 6 })
      .map((pieces) => pieces.join(""))
      .filter((text) => !text.includes("\0") && text.isWellFormed());
    await fc.assert(
      fc.asyncProperty(key, fc.uint8Array({ maxLength: 3000 }), async (Key, Body) => {
        await sender.send(new PutObjectCommand({ Bucket: "second", Key, Body }));
        const got = await sender.send(new GetObjectCommand({ Bucket: "second", Key }));
        expect(Buffer.from((await got.Body?.transformToByteArray()) ?? [])).toEqual(Buffer.from(Body));
        const { Deleted, Errors } = await sender.send(
          new DeleteObjectsCommand({ Bucket: "second", Delete: { Objects: [{ Key }] } }),
        );
        expect([Deleted, Errors]).toEqual([[{ Key }], undefined]);
        expect(await refusal(sender.send(new HeadObjectCommand({ Bucket: "second", Key })))).toMatchObject({
          status: 404,
        });
      }),
      { numRuns: 25 },
    );
  });
});

test("ranges are served as R2 serves them", async () => {
  await client.send(new PutObjectCommand({ Bucket, Key: "digits", Body: "0123456789" }));
  expect(await read("digits", { Range: "bytes=2-4" })).toMatchObject({ text: "234", ContentRange: "bytes 2-4/10" });
  expect(await read("digits", { Range: "bytes=7-" })).toMatchObject({ text: "789", ContentLength: 3 });
  expect(await read("digits", { Range: "bytes=-2" })).toMatchObject({ text: "89", ContentRange: "bytes 8-9/10" });
  expect(await read("digits", { Range: "bytes=8-99" })).toMatchObject({ text: "89", ContentRange: "bytes 8-9/10" });
  expect(await refusal(read("digits", { Range: "bytes=10-" }))).toEqual({ name: "InvalidRange", status: 416 });
  expect(await refusal(read("digits", { Range: "lines=1-2" }))).toEqual({ name: "InvalidArgument", status: 400 });
});

test("reads honour conditions", async () => {
  const { ETag } = await client.send(new PutObjectCommand({ Bucket, Key: "cond", Body: "x" }));
  const [past, future] = [new Date(Date.now() - 3_600_000), new Date(Date.now() + 3_600_000)];
  const status = (more: object) => refusal(read("cond", more)).then(({ status }) => status);
  expect(await status({ IfMatch: ETag })).toBe(200);
  expect(await status({ IfMatch: '"other"' })).toBe(412);
  expect(await status({ IfNoneMatch: ETag })).toBe(304);
  expect(await status({ IfNoneMatch: '"other"' })).toBe(200);
  expect(await status({ IfModifiedSince: past })).toBe(200);
  expect(await status({ IfModifiedSince: future })).toBe(304);
  expect(await status({ IfUnmodifiedSince: past })).toBe(412);
  const head = (more: object) => refusal(client.send(new HeadObjectCommand({ Bucket, Key: "cond", ...more })));
  expect((await head({ IfNoneMatch: ETag })).status).toBe(304);
  expect((await head({ IfMatch: '"other"' })).status).toBe(412);
});

test("of twenty racing creations with If-None-Match: * exactly one wins", async () => {
  const outcomes = await Promise.all(
    Array.from({ length: 20 }, (_, index) =>
      refusal(client.send(new PutObjectCommand({ Bucket, Key: "lease", Body: `holder ${index}`, IfNoneMatch: "*" }))),
    ),
  );
  expect(outcomes.filter(({ status }) => status === 200)).toHaveLength(1);
  expect(outcomes.filter(({ name, status }) => name === "PreconditionFailed" && status === 412)).toHaveLength(19);
});

test("If-Match on a put replaces only the version it names", async () => {
  const first = await client.send(new PutObjectCommand({ Bucket, Key: "cas", Body: "1" }));
  const put = (Body: string, IfMatch?: string) =>
    refusal(client.send(new PutObjectCommand({ Bucket, Key: "cas", Body, IfMatch })));
  expect((await put("2", first.ETag)).status).toBe(200);
  expect(await put("3", first.ETag)).toEqual({ name: "PreconditionFailed", status: 412 });
  expect((await read("cas")).text).toBe("2");
  const absent = client.send(new PutObjectCommand({ Bucket, Key: "cas-absent", Body: "x", IfMatch: first.ETag }));
  expect((await refusal(absent)).status).toBe(412);
});

test("copies keep or replace metadata and honour the source's conditions", async () => {
  const { ETag } = await client.send(
    new PutObjectCommand({ Bucket, Key: "from/ü +", Body: "copied", ContentType: "text/x", Metadata: { a: "1" } }),
  );
  const CopySource = `${Bucket}/${encodeURIComponent("from/ü +")}`;
  const copy = (more: object) => client.send(new CopyObjectCommand({ Bucket, Key: "to", CopySource, ...more }));
  expect((await copy({})).CopyObjectResult?.ETag).toBe(ETag);
  expect(await read("to")).toMatchObject({ text: "copied", ContentType: "text/x", Metadata: { a: "1" } });
  await copy({ MetadataDirective: "REPLACE", Metadata: { b: "2" }, ContentType: "text/y" });
  expect(await read("to")).toMatchObject({ text: "copied", ContentType: "text/y", Metadata: { b: "2" } });
  expect((await refusal(copy({ CopySourceIfNoneMatch: ETag }))).status).toBe(412);
  expect((await refusal(copy({ CopySource: `${Bucket}/absent` }))).name).toBe("NoSuchKey");
  expect((await refusal(copy({ CopySource: "nowhere/x" }))).name).toBe("NoSuchBucket");
});

test("deleting is idempotent, and a thousand keys go in one call", async () => {
  await client.send(new PutObjectCommand({ Bucket, Key: "gone", Body: "x" }));
  for (let turn = 0; turn < 2; turn++) {
    const { $metadata } = await client.send(new DeleteObjectCommand({ Bucket, Key: "gone" }));
    expect($metadata.httpStatusCode).toBe(204);
  }
  expect(await refusal(read("gone"))).toEqual({ name: "NoSuchKey", status: 404 });
  const remove = (count: number, Quiet = false) => {
    const Objects = Array.from({ length: count }, (_, index) => ({ Key: `bulk/${index}` }));
    return client.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects, Quiet } }));
  };
  expect((await remove(1000)).Deleted).toHaveLength(1000);
  expect((await remove(3, true)).Deleted).toBeUndefined();
  expect((await refusal(remove(1001))).name).toBe("MalformedXML");
});

test("keys over 1024 bytes, metadata over 8192 and single puts over 5 GiB are refused", async () => {
  const put = (more: object) =>
    refusal(client.send(new PutObjectCommand({ Bucket, Key: "limit", Body: "x", ...more })));
  expect((await put({ Key: "é".repeat(512) })).status).toBe(200);
  expect((await put({ Key: `${"é".repeat(512)}x` })).name).toBe("InvalidObjectName");
  expect((await put({ Metadata: { m: "v".repeat(8191) } })).status).toBe(200);
  expect((await read("limit")).Metadata?.m).toHaveLength(8191);
  expect((await put({ Metadata: { m: "v".repeat(8192) } })).name).toBe("MetadataTooLarge");
});

test("what R2 does not offer answers NotImplemented", async () => {
  const put = (more: object) => refusal(client.send(new PutObjectCommand({ Bucket, Key: "ni", Body: "x", ...more })));
  const NotImplemented = { name: "NotImplemented", status: 501 };
  expect(await put({ Tagging: "a=b" })).toEqual(NotImplemented);
  expect(await put({ ObjectLockMode: "COMPLIANCE", ObjectLockRetainUntilDate: new Date() })).toEqual(NotImplemented);
  expect(await put({ StorageClass: "GLACIER" })).toEqual(NotImplemented);
  const get = (query: string) => refusal(read(`ni?${query}`));
  expect((await get("x")).name).toBe("NoSuchKey");
  expect(await refusal(client.send(new DeleteObjectCommand({ Bucket, Key: "ni", IfMatch: "x" })))).toEqual(
    NotImplemented,
  );
});
