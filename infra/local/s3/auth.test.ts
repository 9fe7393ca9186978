import { createHash, createHmac, type Hash, type Hmac, randomBytes } from "node:crypto";
import { Agent, request as httpRequest } from "node:http";
import { crc32 } from "node:zlib";
import { GetObjectCommand, PutObjectCommand, type S3Client } from "@aws-sdk/client-s3";
import { SignatureV4 } from "@smithy/signature-v4";
import type { SourceData } from "@smithy/types";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CREDENTIALS, startS3 } from "./s3-server.fixture.ts";

let s3: Awaited<ReturnType<typeof startS3>>;
let client: S3Client;
beforeAll(async () => {
  s3 = await startS3();
  s3.addBucket("first");
  client = s3.client();
});
afterAll(() => s3.close());

const Bucket = "first";
/** The library leaves the hash to its user. */
class Sha256 {
  readonly #hash: Hash | Hmac;

  constructor(secret?: SourceData) {
    this.#hash = secret === undefined ? createHash("sha256") : createHmac("sha256", bytes(secret));
  }

  update(data: SourceData): void {
    this.#hash.update(bytes(data));
  }

  async digest(): Promise<Uint8Array> {
    return this.#hash.digest();
  }

  reset(): void {
    throw new Error("not used by the signer");
  }
}
const bytes = (data: SourceData) =>
  typeof data === "string"
    ? Buffer.from(data)
    : ArrayBuffer.isView(data)
      ? Buffer.from(data.buffer, data.byteOffset, data.byteLength)
      : Buffer.from(data);
const signer = new SignatureV4({
  credentials: CREDENTIALS,
  region: "auto",
  service: "s3",
  uriEscapePath: false,
  sha256: Sha256,
});
const sha256 = (data: string | Uint8Array) => createHash("sha256").update(data).digest("hex");
const longDate = (date: Date) => date.toISOString().replace(/[-:]|\.\d+/g, "");
const stored = async (Key: string) => {
  const { Body } = await client.send(new GetObjectCommand({ Bucket, Key }));
  return Body?.transformToString();
};
const nameOfRefusal = (promise: Promise<unknown>) =>
  promise.then(
    () => "accepted",
    (error) => error.name,
  );

/** Sends exactly these bytes; `code` is that of the XML error. */
function send(method: string, path: string, headers: Record<string, string>, body: Buffer | string = "") {
  return new Promise<{
    status: number;
    code: string | undefined;
    text: string;
    headers: NodeJS.Dict<string | string[]>;
  }>((resolve, reject) => {
    const request = httpRequest(
      {
        host: "127.0.0.1",
        port: s3.port,
        method,
        path,
        headers: { "content-length": String(body.length), ...headers },
      },
      async (response) => {
        let text = "";
        for await (const piece of response.setEncoding("utf8")) text += piece;
        const code = /<Code>(\w+)<\/Code>/.exec(text)?.[1];
        resolve({ status: response.statusCode ?? 0, code, text, headers: response.headers });
      },
    );
    request.on("error", reject);
    request.end(body);
  });
}

/** Headers of a request signed by a library that is not ours. */
async function signed(method: string, path: string, headers: Record<string, string>, signingDate = new Date()) {
  const host = `127.0.0.1:${s3.port}`;
  const unsigned = { method, path, protocol: "http:", hostname: host, query: {}, headers: { host, ...headers } };
  return (await signer.sign(unsigned, { signingDate })).headers;
}

async function presigned(method: string, path: string, signingDate: Date, expiresIn: number, query = {}) {
  const host = `127.0.0.1:${s3.port}`;
  const plain = {
    method,
    path,
    protocol: "http:",
    hostname: host,
    query,
    headers: { host, "x-amz-content-sha256": "UNSIGNED-PAYLOAD" },
  };
  const { query: full } = await signer.presign(plain, { signingDate, expiresIn });
  return `${path}?${Object.entries(full ?? {})
    .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(String(value))}`)
    .join("&")}`;
}

describe("a request is refused", () => {
  test("when its key is unknown, its secret wrong, or nothing is signed", async () => {
    const put = (credentials: typeof CREDENTIALS) =>
      nameOfRefusal(s3.client({ credentials }).send(new PutObjectCommand({ Bucket, Key: "auth", Body: "x" })));
    expect(await put({ ...CREDENTIALS, accessKeyId: "other" })).toBe("InvalidAccessKeyId");
    expect(await put({ ...CREDENTIALS, secretAccessKey: "other" })).toBe("SignatureDoesNotMatch");
    expect(await send("GET", "/first/auth", {})).toMatchObject({ status: 400, code: "InvalidArgument" });
    expect(await send("GET", "/first/auth", { authorization: "AWS abc:def" })).toMatchObject({
      code: "InvalidRequest",
    });
    expect(await nameOfRefusal(stored("auth"))).toBe("NoSuchKey");
  });

  test("when the clocks differ by more than 15 minutes", async () => {
    const headers = { "x-amz-content-sha256": sha256("") };
    const at = async (minutes: number) =>
      send("GET", "/first", await signed("GET", "/first", headers, new Date(Date.now() + minutes * 60_000)));
    expect((await at(14)).status).toBe(200);
    expect((await at(-14)).status).toBe(200);
    expect(await at(16)).toMatchObject({ status: 403, code: "RequestTimeTooSkewed" });
    expect(await at(-16)).toMatchObject({ status: 403, code: "RequestTimeTooSkewed" });
  });

  test("when anything signed was changed, or an x-amz header was added", async () => {
    const headers = await signed("PUT", "/first/changed", {
      "x-amz-content-sha256": sha256("body"),
      "x-amz-meta-a": "1",
    });
    const put = (path: string, change: Record<string, string>) => send("PUT", path, { ...headers, ...change }, "body");
    expect((await put("/first/other", {})).code).toBe("SignatureDoesNotMatch");
    expect((await put("/first/changed?x-id=1", {})).code).toBe("SignatureDoesNotMatch");
    expect((await put("/first/changed", { "x-amz-meta-a": "2" })).code).toBe("SignatureDoesNotMatch");
    expect((await put("/first/changed", { "x-amz-copy-source": "first/secret" })).code).toBe("AccessDenied");
    expect((await put("/first/changed", {})).status).toBe(200);
  });

  test("when its body is not what was signed, and then nothing is stored", async () => {
    const path = "/first/tampered";
    const body = randomBytes(300_000);
    const headers = await signed("PUT", path, { "x-amz-content-sha256": sha256(body) });
    const tampered = Buffer.from(body);
    tampered[299_999] = (tampered[299_999] ?? 0) ^ 1;
    expect(await send("PUT", path, headers, tampered)).toMatchObject({
      status: 400,
      code: "XAmzContentSHA256Mismatch",
    });
    expect(await nameOfRefusal(stored("tampered"))).toBe("NoSuchKey");
    expect((await send("PUT", path, headers, body)).status).toBe(200);
  });
});

test("errors are XML that names code, message, resource and request", async () => {
  const { status, text, headers } = await send("GET", "/first/a%26b", {});
  expect(status).toBe(400);
  expect(text).toMatch(
    /^<\?xml version="1.0" encoding="UTF-8"\?><Error><Code>InvalidArgument<\/Code><Message>.+<\/Message><Resource>\/first\/a%26b<\/Resource><RequestId>[0-9A-F]{32}<\/RequestId><\/Error>$/,
  );
  expect(text).toContain(String(headers["x-amz-request-id"]));
});

test("a path that is not UTF-8 answers InvalidURI, and one object too large for a put EntityTooLarge", async () => {
  expect((await send("GET", "/first/%ff", {})).code).toBe("InvalidURI");
  const path = "/first/huge";
  const headers = await signed("PUT", path, {
    "x-amz-content-sha256": "UNSIGNED-PAYLOAD",
    "content-length": "5363466241",
  });
  const outcome = await new Promise<number>((resolve, reject) => {
    const request = httpRequest({ host: "127.0.0.1", port: s3.port, method: "PUT", path, headers }, (response) => {
      resolve(response.statusCode ?? 0);
      request.destroy();
    });
    request.on("error", reject);
    request.flushHeaders();
  });
  expect(outcome).toBe(400);
});

describe("a presigned URL", () => {
  test("reads and writes until it expires", async () => {
    const put = await presigned("PUT", "/first/pre/signed", new Date(), 60);
    expect((await send("PUT", put, {}, "by url")).status).toBe(200);
    const get = await presigned("GET", "/first/pre/signed", new Date(), 60, { "response-content-type": "text/z" });
    expect(await send("GET", get, {})).toMatchObject({
      status: 200,
      text: "by url",
      headers: { "content-type": "text/z" },
    });
    const old = await presigned("GET", "/first/pre/signed", new Date(Date.now() - 61_000), 60);
    expect(await send("GET", old, {})).toMatchObject({ status: 403, code: "ExpiredRequest" });
  });

  test("serves only what was signed", async () => {
    const get = await presigned("GET", "/first/pre/signed", new Date(), 60);
    expect((await send("PUT", get, {}, "overwritten")).code).toBe("SignatureDoesNotMatch");
    expect((await send("GET", get.replace("Expires=60", "Expires=600"), {})).code).toBe("SignatureDoesNotMatch");
    const put = await presigned("PUT", "/first/pre/copy", new Date(), 60);
    expect((await send("PUT", put, { "x-amz-copy-source": "first/pre/signed" })).code).toBe("AccessDenied");
    const week = await presigned("GET", "/first/x", new Date(), 604_800);
    expect((await send("GET", week.replace("604800", "604801"), {})).code).toBe("InvalidArgument");
  });
});

test("a bucket may stand in the host name", async () => {
  const host = `first.localhost:${s3.port}`;
  const sign = async (method: string, path: string, body: string) => {
    const headers = { host, "x-amz-content-sha256": sha256(body) };
    const plain = { method, path, protocol: "http:", hostname: host, query: {}, headers };
    return (await signer.sign(plain)).headers;
  };
  expect((await send("PUT", "/v/host", await sign("PUT", "/v/host", "virtual"), "virtual")).status).toBe(200);
  expect(await stored("v/host")).toBe("virtual");
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
