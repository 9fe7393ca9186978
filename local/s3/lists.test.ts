import {
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteObjectCommand,
  GetBucketAclCommand,
  GetBucketLocationCommand,
  GetBucketVersioningCommand,
  HeadBucketCommand,
  ListBucketsCommand,
  ListObjectsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type S3Client,
} from "@aws-sdk/client-s3";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startS3 } from "./s3-server.fixture.ts";

const KEYS = [
  "a",
  "b",
  "b/",
  "b/1",
  "b/2",
  "b/é",
  "b/sub/1",
  "b/sub/2",
  "c d",
  "c+d",
  "c%20d",
  "ü/1",
  "ü/2",
  "日/x",
  "z",
].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));

let s3: Awaited<ReturnType<typeof startS3>>;
let client: S3Client;
beforeAll(async () => {
  s3 = await startS3();
  s3.addBucket("first");
  s3.addBucket("second");
  client = s3.client();
  for (const Key of KEYS) await client.send(new PutObjectCommand({ Bucket: "first", Key, Body: Key }));
});
afterAll(() => s3.close());

const refusal = (promise: Promise<unknown>) =>
  promise.then(
    () => "accepted",
    (error) => `${error.$metadata?.httpStatusCode} ${error.name}`,
  );

/** What S3 should list: keys under the prefix, rolled up at the delimiter. */
function model(prefix: string, delimiter: string, after = "") {
  const keys: string[] = [];
  const prefixes = new Set<string>();
  for (const key of KEYS) {
    if (!key.startsWith(prefix) || Buffer.compare(Buffer.from(key), Buffer.from(after)) <= 0) continue;
    const end = delimiter ? key.indexOf(delimiter, prefix.length) : -1;
    if (end === -1) keys.push(key);
    else prefixes.add(key.slice(0, end + delimiter.length));
  }
  return { keys, prefixes: [...prefixes] };
}

const listing = fc.record({
  Prefix: fc.constantFrom("", "b", "b/", "b/sub", "c", "ü/", "none"),
  Delimiter: fc.constantFrom("", "/", "u", " "),
  MaxKeys: fc.integer({ min: 1, max: 20 }),
  EncodingType: fc.constantFrom(undefined, "url" as const),
});
const decoder = (encoding: string | undefined) => (text: string | undefined) =>
  encoding ? decodeURIComponent(text ?? "") : (text ?? "");

test("pages of ListObjectsV2 together are what a model lists", async () => {
  await fc.assert(
    fc.asyncProperty(listing, fc.constantFrom("", "b/2", "c d", "日"), async (options, StartAfter) => {
      // How start-after meets a half-skipped common prefix is S3's own affair.
      const { Delimiter } = StartAfter ? { Delimiter: "" } : options;
      const decode = decoder(options.EncodingType);
      const found = { keys: [] as string[], prefixes: [] as string[] };
      let ContinuationToken: string | undefined;
      do {
        const page = await client.send(
          new ListObjectsV2Command({ Bucket: "first", ...options, Delimiter, StartAfter, ContinuationToken }),
        );
        const [contents, prefixes] = [page.Contents ?? [], page.CommonPrefixes ?? []];
        expect(page.KeyCount).toBe(contents.length + prefixes.length);
        expect(page.KeyCount).toBeLessThanOrEqual(options.MaxKeys);
        expect(page.IsTruncated).toBe(page.NextContinuationToken !== undefined);
        found.keys.push(...contents.map(({ Key }) => decode(Key)));
        found.prefixes.push(...prefixes.map(({ Prefix }) => decode(Prefix)));
        ContinuationToken = page.NextContinuationToken;
      } while (ContinuationToken);
      expect(found).toEqual(model(options.Prefix, Delimiter, StartAfter));
    }),
    { numRuns: 40 },
  );
});

test("a continuation token that no list gave is refused", async () => {
  const list = (ContinuationToken: string) =>
    refusal(client.send(new ListObjectsV2Command({ Bucket: "first", MaxKeys: 2, ContinuationToken })));
  const { NextContinuationToken: token = "" } = await client.send(
    new ListObjectsV2Command({ Bucket: "first", MaxKeys: 2 }),
  );
  expect(await list(token)).toBe("accepted");
  for (const wrong of ["", "x", "bogus", "YQ==", "é", token.slice(1), token.slice(0, -1), `${token}=`]) {
    expect(await list(wrong), wrong).toBe("400 InvalidArgument");
  }
});

test("pages of ListObjects together are what a model lists", async () => {
  await fc.assert(
    fc.asyncProperty(listing, async (options) => {
      const decode = decoder(options.EncodingType);
      const found = { keys: [] as string[], prefixes: [] as string[] };
      let Marker: string | undefined;
      do {
        const page = await client.send(new ListObjectsCommand({ Bucket: "first", ...options, Marker }));
        found.keys.push(...(page.Contents ?? []).map(({ Key }) => decode(Key)));
        found.prefixes.push(...(page.CommonPrefixes ?? []).map(({ Prefix }) => decode(Prefix)));
        Marker = page.IsTruncated ? decode(page.NextMarker) : undefined;
      } while (Marker);
      expect(found).toEqual(model(options.Prefix, options.Delimiter));
    }),
    { numRuns: 25, examples: [[{ Prefix: "b/", Delimiter: "/", MaxKeys: 1, EncodingType: undefined }]] },
  );
});

test("a listed object has size, ETag and time; max-keys 0 only says whether there is any", async () => {
  const { Contents } = await client.send(
    new ListObjectsV2Command({ Bucket: "first", Prefix: "b/1", FetchOwner: true }),
  );
  expect(Contents).toMatchObject([{ Key: "b/1", Size: 3, ETag: expect.stringMatching(/^"[0-9a-f]{32}"$/) }]);
  expect(Contents?.[0]?.LastModified).toBeInstanceOf(Date);
  const none = await client.send(new ListObjectsV2Command({ Bucket: "first", MaxKeys: 0 }));
  expect(none).toMatchObject({ KeyCount: 0, IsTruncated: true });
  expect(await refusal(client.send(new ListObjectsV2Command({ Bucket: "first", MaxKeys: -1 })))).toBe(
    "400 InvalidMaxKeys",
  );
});

test("buckets are made, found, listed and removed when empty", async () => {
  const Bucket = "made-here";
  expect(await refusal(client.send(new HeadBucketCommand({ Bucket })))).toBe("404 NotFound");
  await client.send(new CreateBucketCommand({ Bucket }));
  expect(await refusal(client.send(new CreateBucketCommand({ Bucket })))).toBe("409 BucketAlreadyOwnedByYou");
  expect(await refusal(client.send(new HeadBucketCommand({ Bucket })))).toBe("accepted");
  expect((await client.send(new GetBucketLocationCommand({ Bucket }))).LocationConstraint).toBe("auto");
  const { Buckets } = await client.send(new ListBucketsCommand({}));
  expect(Buckets?.map(({ Name }) => Name)).toEqual(["first", "made-here", "second"]);

  await client.send(new PutObjectCommand({ Bucket, Key: "k", Body: "x" }));
  expect(await refusal(client.send(new DeleteBucketCommand({ Bucket })))).toBe("409 BucketNotEmpty");
  await client.send(new DeleteObjectCommand({ Bucket, Key: "k" }));
  expect(await refusal(client.send(new DeleteBucketCommand({ Bucket })))).toBe("accepted");
  expect(await refusal(client.send(new ListObjectsV2Command({ Bucket })))).toBe("404 NoSuchBucket");
  expect(await refusal(client.send(new CreateBucketCommand({ Bucket: "Upper_Case" })))).toBe("400 InvalidBucketName");
});

test("bucket features that R2's S3 API does not have answer NotImplemented", async () => {
  expect(await refusal(client.send(new GetBucketVersioningCommand({ Bucket: "first" })))).toBe("501 NotImplemented");
  expect(await refusal(client.send(new GetBucketAclCommand({ Bucket: "first" })))).toBe("501 NotImplemented");
});
