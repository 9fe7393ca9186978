import { createHash } from "node:crypto";
import { Agent, request as httpRequest } from "node:http";
import { crc32 } from "node:zlib";
import { GetObjectCommand, PutObjectCommand, type S3Client } from "@aws-sdk/client-s3";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { longDate, rawRequests, sha256, signer } from "./raw-request.fixture.ts";
import { nameOfRefusal, startS3 } from "./s3-server.fixture.ts";

let s3: Awaited<ReturnType<typeof startS3>>;
let client: S3Client;
beforeAll(async () => {
  s3 = await startS3();
  s3.addBucket("first");
  client = s3.client();
});
afterAll(() => s3.close());

const Bucket = "first";
const { send, signed } = rawRequests(() => s3.port);
const stored = (Key: string) => s3.stored(Bucket, Key);

test("an upload that its client breaks off leaves nothing behind", async () => {
  const path = "/first/broken-off";
  const headers = await signed("PUT", path, { "x-amz-content-sha256": "UNSIGNED-PAYLOAD" });
  await new Promise<void>((resolve) => {
    const to = { host: "127.0.0.1", port: s3.port, method: "PUT", path };
    const request = httpRequest({ ...to, headers: { ...headers, "content-length": "2000000" } });
    request.on("error", () => {}).on("close", () => resolve());
    request.write(Buffer.alloc(1_000_000), () => request.destroy());
  });
  expect(await nameOfRefusal(stored("broken-off"))).toBe("NoSuchKey");
  expect((await send("PUT", path, headers, "whole")).status).toBe(200);
});

test("an answer given before the end of a body leaves the connection usable", async () => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const sockets = new Set<unknown>();
  const outcome = async (headers: Record<string, string>) =>
    new Promise<number>((resolve, reject) => {
      const to = { host: "127.0.0.1", port: s3.port, method: "PUT", path: "/first/early", headers, agent };
      const request = httpRequest(to, (response) => {
        response.resume().on("end", () => resolve(response.statusCode ?? 0));
      });
      request.on("socket", (socket) => sockets.add(socket)).on("error", reject);
      request.end(Buffer.alloc(2_000_000, "x"));
    });
  const chunked = { "x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "x-amz-decoded-content-length": "1" };
  const plain = { "x-amz-content-sha256": "UNSIGNED-PAYLOAD" };
  const length = { "content-length": "2000000" };
  const statuses: number[] = [];
  for (let turn = 0; turn < 3; turn++) {
    // The first breaks off while its body is read, the second before that.
    statuses.push(await outcome({ ...(await signed("PUT", "/first/early", chunked)), ...length }));
    statuses.push(await outcome(length));
    statuses.push(await outcome({ ...(await signed("PUT", "/first/early", plain)), ...length }));
  }
  agent.destroy();
  expect(statuses).toEqual([400, 400, 200, 400, 400, 200, 400, 400, 200]);
  expect(sockets.size).toBe(1);
});

describe("an aws-chunked body", () => {
  const chunk = (data: Buffer, extension = "") =>
    Buffer.concat([Buffer.from(`${data.length.toString(16)}${extension}\r\n`), data, Buffer.from("\r\n")]);

  /** A body signed chunk by chunk, as the older SDKs and rclone send it. */
  async function signedChunks(path: string, pieces: Buffer[]) {
    const now = new Date();
    const length = pieces.reduce((sum, { length }) => sum + length, 0);
    const headers = await signed(
      "PUT",
      path,
      {
        "x-amz-content-sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
        "x-amz-decoded-content-length": String(length),
        "content-encoding": "aws-chunked",
      },
      now,
    );
    let previous = /Signature=(\w+)/.exec(String(headers.authorization))?.[1] ?? "";
    const chunks: Buffer[] = [];
    for (const piece of [...pieces, Buffer.alloc(0)]) {
      const scope = `${longDate(now).slice(0, 8)}/auto/s3/aws4_request`;
      const toSign = ["AWS4-HMAC-SHA256-PAYLOAD", longDate(now), scope, previous, sha256(""), sha256(piece)].join("\n");
      previous = await signer.sign(toSign, { signingDate: now });
      chunks.push(chunk(piece, `;chunk-signature=${previous}`));
    }
    return { headers, body: Buffer.concat(chunks) };
  }

  test("is stored without its framing when every chunk's signature holds", async () => {
    const pieces = [Buffer.alloc(65_536, "a"), Buffer.alloc(65_536, "b"), Buffer.from("end")];
    const { headers, body } = await signedChunks("/first/chunks", pieces);
    expect((await send("PUT", "/first/chunks", headers, body)).status).toBe(200);
    expect(await stored("chunks")).toBe(Buffer.concat(pieces).toString());
    const { ContentEncoding } = await client.send(new GetObjectCommand({ Bucket, Key: "chunks" }));
    expect(ContentEncoding).toBeUndefined();
  });

  test("is refused when a chunk was changed, reordered, cut or added to", async () => {
    const path = "/first/bad-chunks";
    const { headers, body } = await signedChunks(path, [Buffer.alloc(70_000, "a"), Buffer.alloc(70_000, "b")]);
    const changed = Buffer.from(body);
    changed[100] = 0;
    expect((await send("PUT", path, headers, changed)).code).toBe("SignatureDoesNotMatch");
    const half = (body.length - 86) / 2;
    const swapped = Buffer.concat([body.subarray(half, 2 * half), body.subarray(0, half), body.subarray(2 * half)]);
    expect((await send("PUT", path, headers, swapped)).code).toBe("SignatureDoesNotMatch");
    expect((await send("PUT", path, headers, body.subarray(0, 90_000))).code).toBe("IncompleteBody");
    expect((await send("PUT", path, headers, body.subarray(0, half))).status).toBe(400);
    expect(await nameOfRefusal(stored("bad-chunks"))).toBe("NoSuchKey");
  });

  test("with signed trailers is stored only when their signature holds", async () => {
    const [now, path, data] = [new Date(), "/first/signed-trailer", Buffer.from("trailing")];
    const headers = await signed(
      "PUT",
      path,
      {
        "x-amz-content-sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
        "x-amz-decoded-content-length": String(data.length),
        "x-amz-trailer": "x-amz-checksum-sha256",
      },
      now,
    );
    const scope = `${longDate(now).slice(0, 8)}/auto/s3/aws4_request`;
    let previous = /Signature=(\w+)/.exec(String(headers.authorization))?.[1] ?? "";
    const next = async (kind: string, ...subject: string[]) => {
      const toSign = [`AWS4-HMAC-SHA256-${kind}`, longDate(now), scope, previous, ...subject].join("\n");
      previous = await signer.sign(toSign, { signingDate: now });
      return previous;
    };
    const first = chunk(data, `;chunk-signature=${await next("PAYLOAD", sha256(""), sha256(data))}`);
    const last = `0;chunk-signature=${await next("PAYLOAD", sha256(""), sha256(""))}\r\n`;
    const trailer = `x-amz-checksum-sha256:${createHash("sha256").update(data).digest("base64")}`;
    const signature = await next("TRAILER", sha256(`${trailer}\n`));
    const put = (ending: string) => send("PUT", path, headers, Buffer.concat([first, Buffer.from(last + ending)]));
    expect((await put(`${trailer}\r\n\r\n`)).code).toBe("SignatureDoesNotMatch");
    const wrong = `x-amz-trailer-signature:${"0".repeat(64)}`;
    expect((await put(`${trailer}\r\n${wrong}\r\n\r\n`)).code).toBe("SignatureDoesNotMatch");
    expect(await nameOfRefusal(stored("signed-trailer"))).toBe("NoSuchKey");
    expect((await put(`${trailer}\r\nx-amz-trailer-signature:${signature}\r\n\r\n`)).status).toBe(200);
  });

  test("with a trailing checksum is refused when the checksum is wrong or missing", async () => {
    const data = Buffer.from("some data");
    const path = "/first/trailer";
    const headers = await signed("PUT", path, {
      "x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
      "x-amz-decoded-content-length": String(data.length),
      "x-amz-trailer": "x-amz-checksum-crc32",
    });
    const sum = Buffer.alloc(4);
    sum.writeUInt32BE(crc32(data));
    const put = (trailer: string) =>
      send("PUT", path, headers, Buffer.concat([chunk(data), Buffer.from(`0\r\n${trailer}\r\n`)]));
    expect((await put("x-amz-checksum-crc32:AAAAAA==\r\n")).code).toBe("BadDigest");
    expect((await put("")).code).toBe("InvalidDigest");
    expect(await nameOfRefusal(stored("trailer"))).toBe("NoSuchKey");
    expect((await put(`x-amz-checksum-crc32:${sum.toString("base64")}\r\n`)).status).toBe(200);
  });
});

test.each(["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"] as const)(
  "a checksum by %s is made by the client and compared here: a wrong one stores nothing",
  async (algorithm) => {
    const Key = `sum-${algorithm}`;
    const bytes = { CRC32: 4, CRC32C: 4, CRC64NVME: 8, SHA1: 20, SHA256: 32 }[algorithm];
    const wrong = { [`Checksum${algorithm}`]: Buffer.alloc(bytes, 1).toString("base64") };
    const put = (more: object) => client.send(new PutObjectCommand({ Bucket, Key, Body: "hello", ...more }));
    expect(await nameOfRefusal(put(wrong))).toBe("BadDigest");
    expect(await nameOfRefusal(stored(Key))).toBe("NoSuchKey");
    await put({ ChecksumAlgorithm: algorithm });
    expect(await stored(Key)).toBeDefined();
  },
);

test("Content-MD5 and checksum headers are compared with the body", async () => {
  const put = (more: object) =>
    nameOfRefusal(client.send(new PutObjectCommand({ Bucket, Key: "sums", Body: "data", ...more })));
  const base64 = (algorithm: string, data: string) => createHash(algorithm).update(data).digest("base64");
  expect(await put({ ContentMD5: base64("md5", "data") })).toBe("accepted");
  expect(await put({ ContentMD5: base64("md5", "other") })).toBe("BadDigest");
  expect(await put({ ContentMD5: "nonsense" })).toBe("InvalidDigest");
  expect(await put({ ChecksumSHA256: base64("sha256", "data") })).toBe("accepted");
  expect(await put({ ChecksumSHA256: base64("sha256", "other") })).toBe("BadDigest");
  expect(await put({ ChecksumCRC32: "AAAAAA==" })).toBe("BadDigest");
  expect(await put({ ChecksumAlgorithm: "CRC32C" })).toBe("accepted");
  expect(await put({ ChecksumAlgorithm: "SHA1" })).toBe("accepted");
});
