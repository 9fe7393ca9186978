import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CREDENTIALS, startS3 } from "../../local/s3/s3-server.fixture.ts";
import { s3Storage } from "./s3-storage.ts";
import { listUnder } from "./storage.ts";
import { type Fault, startWire } from "./wire.fixture.ts";

const signal = new AbortController().signal;
const text = (value: string): Uint8Array => new Uint8Array(Buffer.from(value));
const credentials = { access_key_id: CREDENTIALS.accessKeyId, secret_access_key: CREDENTIALS.secretAccessKey };

let s3: Awaited<ReturnType<typeof startS3>>;
const closed: { close(): unknown }[] = [];

function bucket(prefix: string, endpoint = s3.url) {
  const storage = s3Storage({ endpoint, bucket: "first", prefix, credentials });
  closed.push(storage);
  return storage;
}

const keysOf = async (storage: ReturnType<typeof bucket>) =>
  (await listUnder(storage, "", signal)).map(({ key }) => key);

beforeAll(async () => {
  s3 = await startS3();
  s3.addBucket("first");
});
afterAll(async () => {
  for (const each of closed) await each.close();
  await s3.close();
});

test("a prefix may be of any letters and signs, and the official client finds what lies under it", async () => {
  const name = fc.string({
    unit: fc.constantFrom(...Array.from("aé日😀 +%&=~!'()*$,:;@?#\"<>|^`{}[]")),
    minLength: 1,
    maxLength: 8,
  });
  await fc.assert(
    fc.asyncProperty(fc.uuid(), name, async (unique, odd) => {
      const prefix = `${unique}/${odd}/`;
      const storage = bucket(prefix);
      await storage.create("a/b", text(odd), signal);
      expect(await s3.stored("first", `${prefix}a/b`)).toBe(odd);
      expect([await keysOf(storage), await storage.folders("", signal)]).toEqual([["a/b"], ["a"]]);
    }),
    { numRuns: 25 },
  );
});

describe("a server that insists on its region", () => {
  const malformed = (region: string, headers: object = {}, code = "AuthorizationHeaderMalformed", status = 400) => ({
    ...{ kind: "answer" as const, status, headers: headers as Record<string, string> },
    body: `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code><Message>The authorization header is malformed; the region 'auto' is wrong${region}</Error>`,
  });
  /** As the servers there are say which one they want. */
  const ANSWERS: Record<string, Fault> = {
    "in an element": malformed("</Message><Region>eu-west-3</Region>"),
    "in its words": malformed("; expecting 'eu-west-3'</Message>"),
    "in a header": malformed("</Message>", { "x-amz-bucket-region": "eu-west-3" }),
    "by another code": malformed("; expecting 'eu-west-3'</Message>", {}, "InvalidRegion"),
    "by sending away": malformed("</Message>", { "x-amz-bucket-region": "eu-west-3" }, "PermanentRedirect", 301),
    "as a wrong signature": malformed("</Message><Region>eu-west-3</Region>", {}, "SignatureDoesNotMatch", 403),
  };

  test.each(Object.entries(ANSWERS))("is signed to for the region that it names %s", async (_, fault) => {
    let refused = 0;
    const wire = await startWire(s3.url, ({ authorization }) => {
      if (authorization.includes("/eu-west-3/s3/")) return null;
      refused += 1;
      return fault;
    });
    closed.push(wire);
    const storage = bucket(`region-${Object.values(ANSWERS).indexOf(fault)}/`, wire.url);
    await Promise.all(["a", "b"].map((key) => storage.create(key, text(key), signal)));
    expect([await keysOf(storage), refused]).toEqual([["a", "b"], 2]);
  });

  test("and does not name it is refused, with the way to name it; it is not asked for ever", async () => {
    const asked: Fault[] = [];
    const cases = [
      ["denied", malformed("</Message>", {}, "SignatureDoesNotMatch", 403)],
      ["refused", malformed("</Message>")],
      ["refused", malformed("</Message><Region>eu-west-3</Region>")],
    ] as const;
    for (const [failure, fault] of cases) {
      const judge = () => (asked.push(fault) ? fault : null);
      const wire = await startWire(s3.url, judge);
      closed.push(wire);
      await expect(bucket("", wire.url).read("x", signal)).rejects.toMatchObject({
        failure,
        parts: { hint: expect.stringContaining("&region=") },
      });
    }
    expect(asked).toHaveLength(4);
  });
});
