/** Buckets that answer as a server may and `storage.test.ts`'s does not. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, test } from "vitest";
import { s3Storage } from "./s3-storage.ts";
import { objectsUnder } from "./storage.ts";
import { type Fault, startWire } from "./wire.fixture.ts";

const signal = new AbortController().signal;
const credentials = { access_key_id: "id", secret_access_key: "secret" };

describe("a server that lists otherwise than S3 does is refused, not believed", () => {
  const listing = (keys: readonly string[], truncated: boolean): Fault => ({
    kind: "answer",
    status: 200,
    headers: { "content-type": "application/xml" },
    body: `<?xml version="1.0" encoding="UTF-8"?><ListBucketResult><IsTruncated>${truncated}</IsTruncated>${keys
      .map(
        (key) =>
          `<Contents><Key>${key}</Key><Size>1</Size><ETag>"e"</ETag><LastModified>2026-01-01T00:00:00.000Z</LastModified></Contents>`,
      )
      .join("")}</ListBucketResult>`,
  });

  test.each([
    ["in another order", listing(["b", "a"], false), []],
    ["from its beginning again whatever it is asked for", listing(["a", "b"], true), ["a", "b"]],
  ])("%s", async (_, fault, first) => {
    const wire = await startWire("http://127.0.0.1:9", () => fault);
    const storage = s3Storage({ endpoint: wire.url, bucket: "b", prefix: "", credentials });
    const seen: string[] = [];
    const look = async () => {
      for await (const { key } of objectsUnder(storage, "", signal)) seen.push(key);
    };
    await expect(look()).rejects.toMatchObject({
      failure: "refused",
      message: expect.stringContaining("order of keys"),
    });
    expect(seen).toEqual(first);
    storage.close();
    await wire.close();
  });
});

test("temporary credentials are sent with their token; that they have ended is told as missing rights", async () => {
  const ended = "<Error><Code>ExpiredToken</Code><Message>The provided token has expired.</Message></Error>";
  const tokens: unknown[] = [];
  const server = createServer((request, response) => {
    tokens.push(request.headers["x-amz-security-token"]);
    response.writeHead(400, { "content-type": "application/xml" }).end(ended);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const temporary = { ...credentials, session_token: "temporary" };
  const storage = s3Storage({ endpoint: `http://127.0.0.1:${port}`, bucket: "b", prefix: "", credentials: temporary });
  await expect(storage.read("x", signal)).rejects.toMatchObject({ failure: "denied" });
  expect(tokens).toEqual(["temporary"]);
  storage.close();
  server.closeAllConnections();
  server.close();
});

test.each([
  [400, "RequestTimeout"],
  [409, "OperationAborted"],
])("a %s that says %s passes: it is unclear, and tried again by who is patient", async (status, code) => {
  const body = `<Error><Code>${code}</Code><Message>Once more, please.</Message></Error>`;
  const wire = await startWire("http://127.0.0.1:9", () => ({ kind: "answer", status, body }));
  const storage = s3Storage({ endpoint: wire.url, bucket: "b", prefix: "", credentials });
  await expect(storage.read("x", signal)).rejects.toMatchObject({ failure: "unclear" });
  storage.close();
  await wire.close();
});
