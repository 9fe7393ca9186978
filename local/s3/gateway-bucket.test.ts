import { afterAll, beforeAll, expect, test } from "vitest";
import { directGateway, gatewayBucket } from "./gateway-bucket.ts";
import { startS3 } from "./s3-server.fixture.ts";

let s3: Awaited<ReturnType<typeof startS3>>;
beforeAll(async () => {
  s3 = await startS3();
});
afterAll(() => s3.close());

test("the gateway's bucket answers as R2's binding does", async () => {
  const r2 = await s3.engine.r2("first");
  const cacheExpiry = new Date("2030-01-01T00:00:00Z");
  const put = await r2.put("k/1", "0123456789", { httpMetadata: { contentType: "text/x", cacheExpiry } });
  expect(await r2.put("k/1", "other", { onlyIf: { etagDoesNotMatch: put.etag } })).toBeNull();
  await r2.put("k/2", new Uint8Array([1, 2]), { customMetadata: { a: "é" }, sha256: await digest([1, 2]) });

  const got = await r2.get("k/1", { range: { offset: 2, length: 3 } });
  expect([await got?.text(), got?.size, got?.httpMetadata?.cacheExpiry]).toEqual(["234", 10, cacheExpiry]);
  const headers = new Headers();
  got?.writeHttpMetadata(headers as never);
  expect(headers.get("content-type")).toBe("text/x");
  expect(Buffer.from(got?.checksums.md5 ?? new ArrayBuffer(0)).toString("hex")).toBe(put.etag);

  const missed = await r2.get("k/1", { onlyIf: { etagMatches: "other" } });
  expect(missed && "body" in missed).toBe(false);
  const { objects, truncated } = await r2.list({ prefix: "k/", include: ["customMetadata"] });
  expect(objects.map(({ key, customMetadata }) => [key, customMetadata])).toEqual([
    ["k/1", {}],
    ["k/2", { a: "é" }],
  ]);
  expect(truncated).toBe(false);
  await r2.delete(["k/1", "k/2"]);
  expect([await r2.head("k/1"), await r2.get("k/2")]).toEqual([null, null]);
  await expect(r2.put("x".repeat(1025), "")).rejects.toThrow("(10020)");
});

test("a caller without the platform's secret is refused", async () => {
  const intruder = gatewayBucket(directGateway(s3.gateway_url, "guess"), "r2:first");
  await expect(intruder.head("k")).rejects.toThrow("for the platform's own process");
});

async function digest(bytes: number[]): Promise<ArrayBuffer> {
  return crypto.subtle.digest("SHA-256", new Uint8Array(bytes));
}
