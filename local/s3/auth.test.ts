import { randomBytes } from "node:crypto";
import { request as httpRequest } from "node:http";
import { PutObjectCommand } from "@aws-sdk/client-s3";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { rawRequests, sha256, signer } from "./raw-request.fixture.ts";
import { CREDENTIALS, nameOfRefusal, startS3 } from "./s3-server.fixture.ts";

let s3: Awaited<ReturnType<typeof startS3>>;
beforeAll(async () => {
  s3 = await startS3();
  s3.addBucket("first");
});
afterAll(() => s3.close());

const Bucket = "first";
const { send, signed, presigned } = rawRequests(() => s3.port);
const stored = (Key: string) => s3.stored(Bucket, Key);

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
