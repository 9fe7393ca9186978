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

/** A server that answers so, and what it was asked. */
async function answering(answer: (url: URL, method: string) => { status?: number; etag?: string; body?: string }) {
  const asked: { host: string | undefined; path: string; if_match: string | undefined }[] = [];
  const server = createServer((request, response) => {
    const { host, "if-match": if_match } = request.headers;
    const url = new URL(request.url ?? "/", "http://server");
    asked.push({ host, path: url.pathname, if_match });
    const { status = 200, etag, body = "" } = answer(url, request.method ?? "");
    const headers = {
      "content-type": "application/xml",
      "last-modified": new Date(0).toUTCString(),
      "content-length": body.length,
    };
    response
      .writeHead(status, { ...headers, ...(etag !== undefined && { etag }) })
      .end(request.method === "HEAD" ? undefined : body);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const of = (bucket: string, prefix = "") =>
    s3Storage({ endpoint: `http://127.0.0.1:${port}`, bucket, prefix, credentials });
  const close = async (...storages: { close(): void }[]) => {
    for (const storage of storages) storage.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  return { asked, of, close };
}

const page = (inner: string) => ({
  body: `<?xml version="1.0" encoding="UTF-8"?><ListBucketResult>${inner}</ListBucketResult>`,
});
const entry = (key: string, etag = '"e"') =>
  `<Contents><Key>${key}</Key><Size>1</Size><ETag>${etag}</ETag><LastModified>2026-01-01T00:00:00.000Z</LastModified></Contents>`;

test("an endpoint that begins with the bucket's name is the bucket's own: no path names it", async () => {
  const there = await answering(() => ({ etag: '"e"', body: "x" }));
  // The address of this machine begins with the name of this bucket.
  const [own, other] = [there.of("127", "pre/"), there.of("vault", "pre/")];
  for (const storage of [own, other]) await storage.read("a", signal);
  await own.page("", "", signal).catch(() => {});
  expect(there.asked.map(({ path }) => path)).toEqual(["/pre/a", "/vault/pre/a", "/"]);
  await there.close(own, other);
});

test("a server that takes no bucket in a path is told as that, and how it is addressed", async () => {
  const told = (code: string) => `<Error><Code>${code}</Code><Message>Use a third level domain.</Message></Error>`;
  const there = await answering(({ searchParams }) =>
    // Some take the bucket for an object's name.
    searchParams.has("list-type")
      ? { status: 404, body: told("NoSuchKey") }
      : { status: 403, body: told("SecondLevelDomainForbidden") },
  );
  const storage = there.of("vault");
  const refused = { failure: "refused", parts: { hint: expect.stringContaining("endpoint=https://BUCKET.HOST") } };
  await expect(storage.read("x", signal)).rejects.toMatchObject(refused);
  await expect(storage.page("", "", signal)).rejects.toMatchObject(refused);
  await expect(storage.folders("", signal)).rejects.toMatchObject(refused);
  await there.close(storage);
});

test.each(['W/"e"', "e", '"e"'])(
  "the tag %s names the same content in an answer, a list and a condition",
  async (etag) => {
    const there = await answering(({ searchParams }) =>
      searchParams.has("list-type")
        ? page(`<IsTruncated>false</IsTruncated>${entry("x", etag.replaceAll('"', "&quot;"))}`)
        : { etag, body: "x" },
    );
    const storage = there.of("vault");
    const tags = [
      (await storage.read("x", signal)).etag,
      (await storage.look("x", signal)).etag,
      (await storage.page("", "", signal)).objects[0]?.etag,
      await storage.replace("x", Buffer.from("y"), (await storage.look("x", signal)).etag, signal),
    ];
    expect(new Set(tags)).toEqual(new Set(['"e"']));
    expect(there.asked.at(-1)?.if_match).toBe('"e"');
    await there.close(storage);
  },
);

describe("pages as a server may cut them", () => {
  const next = (token: string) =>
    `<IsTruncated>true</IsTruncated><NextContinuationToken>${token}</NextContinuationToken>`;
  const last = "<IsTruncated>false</IsTruncated>";
  const folder = (name: string) => `<CommonPrefixes><Prefix>${name}/</Prefix></CommonPrefixes>`;

  test("a page without anything is not the last one where more follows", async () => {
    const there = await answering(({ searchParams }) => {
      const token = searchParams.get("continuation-token");
      const contents = searchParams.has("delimiter") ? folder("a") : entry("a");
      return page(token === null ? next("1") : token === "1" ? next("2") : `${last}${contents}`);
    });
    const storage = there.of("vault");
    expect(await storage.folders("", signal)).toEqual(["a"]);
    expect((await storage.page("", "", signal)).objects.map(({ key }) => key)).toEqual(["a"]);
    await there.close(storage);
  });

  test("a folder that two pages name is one", async () => {
    const there = await answering(({ searchParams }) =>
      page(searchParams.has("continuation-token") ? `${last}${folder("a")}` : `${next("1")}${folder("a")}`),
    );
    const storage = there.of("vault");
    expect(await storage.folders("", signal)).toEqual(["a"]);
    await there.close(storage);
  });

  test.each([
    ["without a way to it", `<IsTruncated>true</IsTruncated>${folder("a")}`],
    ["by the way it came", `${next("1")}${folder("a")}`],
  ])("more that follows %s is refused, and what is there not taken for all", async (_, inner) => {
    const there = await answering(() => page(inner));
    const storage = there.of("vault");
    await expect(storage.folders("", signal)).rejects.toMatchObject({
      failure: "refused",
      message: expect.stringContaining("more follows"),
    });
    await there.close(storage);
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

test("why an object may not be looked at is asked for, for a look is refused without a word", async () => {
  const ended = "<Error><Code>ExpiredToken</Code><Message>The provided token has expired.</Message></Error>";
  const there = await answering((_, method) => ({ status: 400, body: method === "HEAD" ? "" : ended }));
  const storage = there.of("vault");
  await expect(storage.look("x", signal)).rejects.toMatchObject({
    failure: "denied",
    message: expect.stringContaining("ExpiredToken"),
  });
  await there.close(storage);
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

test("a server that knows no writes on a condition is told as one, whatever the credentials", async () => {
  const told = "<Error><Code>NotImplemented</Code><Message>A header is not implemented.</Message></Error>";
  const server = await answering(() => ({ status: 501, body: told }));
  const storage = server.of("b");
  await expect(storage.create("config", Buffer.from("x"), signal)).rejects.toMatchObject({
    failure: "denied",
    message: expect.stringContaining("none on a condition (If-None-Match, If-Match)"),
  });
  await server.close(storage);
});

test("an answer that was cut is told in one line, without what the SDK tells its developers", async () => {
  const server = await answering(() => ({ body: "<ListBucketResult><Contents><Key>a</Ke" }));
  const storage = server.of("b");
  const look = async () => {
    for await (const _ of objectsUnder(storage, "", signal));
  };
  const { message } = await look().then(
    () => new Error("nothing was refused"),
    (error: Error) => error,
  );
  expect(message).not.toMatch(/\n|\$response/);
  await server.close(storage);
});

test("a full disk is told such that it is right for an empty repository as well: a prune finds nothing there", async () => {
  const server = await answering(() => ({ status: 507, body: "<Error><Code>XMinioStorageFull</Code></Error>" }));
  const storage = server.of("b");
  await expect(storage.create("config", Buffer.from("x"), signal)).rejects.toMatchObject({
    failure: "full",
    parts: {
      hint: expect.stringMatching(/^free some room .*repeat it.*; where it holds older snapshots, .*backup prune/),
    },
  });
  await server.close(storage);
});

test.each([
  [400, "AuthorizationHeaderMalformed", "&region=eu-west-3"],
  [403, "AccessDenied", "&region=eu-west-3"],
  [301, "PermanentRedirect", "endpoint=https://b.s3.eu-west-3.example.com&region=eu-west-3"],
  [307, "TemporaryRedirect", "endpoint=https://b.s3.eu-west-3.example.com&region=eu-west-3"],
])("where a bucket is by the word of its server (%i %s) stands in the hint", async (status, code, place) => {
  const endpoint = status < 400 ? "<Endpoint>b.s3.eu-west-3.example.com</Endpoint>" : "";
  const body = `<Error><Code>${code}</Code><Message>Elsewhere.</Message><Region>eu-west-3</Region>${endpoint}</Error>`;
  const server = await answering(() => ({ status, body }));
  const storage = server.of("b");
  const refused = { parts: { hint: expect.stringContaining(`write ${place} into the address`) } };
  await expect(storage.read("x", signal)).rejects.toMatchObject(refused);
  // Once more, signed for the region that it named, and not for ever.
  expect(server.asked).toHaveLength(2);
  await server.close(storage);
});
