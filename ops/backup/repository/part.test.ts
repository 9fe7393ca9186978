import { randomBytes } from "node:crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
import { metadataKeys, partId, seal, sha256, unseal } from "./metadata.ts";
import { authenticatePart, type ContentKey, decodePart, encodePart, importContentKey } from "./part.ts";

const SECRET = Buffer.alloc(32, 7).toString("base64url");
const keys = metadataKeys(SECRET, "2f1e4a52-8a7b-4c6e-9d20-0f6f0c2d5a11");
const content: ContentKey = { id: "ab".repeat(32), key: await importContentKey(Buffer.alloc(32, 9)) };

async function encoded(kind: string, plain: Uint8Array) {
  const plain_sha256 = sha256(plain);
  const part = { id: partId(keys, kind, plain_sha256), kind, plain_bytes: plain.byteLength, plain_sha256 };
  return { part, ...(await encodePart(keys, content, { id: part.id, kind, plain })) };
}

test("whatever is put into a part comes out of it", async () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 4_000 }),
    fc.integer({ min: 0, max: 300_000 }).map((length) => new Uint8Array(length).fill(5)),
  );
  await fc.assert(
    fc.asyncProperty(bytes, fc.stringMatching(/^[a-z0-9-]{1,40}$/), async (plain, kind) => {
      const { part, object, sha256: hash } = await encoded(kind, plain);
      expect(hash).toBe(sha256(object));
      expect(authenticatePart(keys, object)).toMatchObject({ id: part.id, plain_bytes: plain.byteLength });
      expect(Buffer.compare(await decodePart(keys, content, part, object), plain)).toBe(0);
    }),
    { numRuns: 60 },
  );
});

test("no changed bit of a part passes, with the writers' key or the content key", async () => {
  const { part, object } = await encoded("rows", randomBytes(100));
  for (let at = 0; at < object.byteLength; at += 1) {
    const flipped = Buffer.from(object);
    flipped[at] = (flipped[at] ?? 0) ^ (1 << (at % 8));
    expect(authenticatePart(keys, flipped)).toHaveProperty("problem");
    // The MAC at the end is the writers'; everything before it is bound by the content key as well.
    const isBoundByContent = at < object.byteLength - 32;
    if (isBoundByContent) await expect(decodePart(keys, content, part, flipped)).rejects.toThrow("decrypted");
  }
});

test("a part is bound to its kind, and its name says nothing without the key", async () => {
  const plain = Buffer.from("the same content");
  const { part, object } = await encoded("rows", plain);
  await expect(decodePart(keys, content, { ...part, kind: "other" }, object)).rejects.toThrow("decrypted");
  expect(part.id).not.toBe(sha256(plain));
  const stranger = metadataKeys(Buffer.alloc(32, 8).toString("base64url"), keys.repository);
  expect(partId(stranger, "rows", part.plain_sha256)).not.toBe(part.id);
  expect(authenticatePart(stranger, object)).toHaveProperty("problem");
});

test("sealed metadata opens only where it belongs", async () => {
  await fc.assert(
    fc.asyncProperty(fc.jsonValue(), async (value) => {
      const sealed = await seal(keys, "index:1", value);
      expect(JSON.stringify(await unseal(keys, "index:1", sealed))).toBe(JSON.stringify(value));
      await expect(unseal(keys, "index:2", sealed)).rejects.toThrow();
    }),
    { numRuns: 30 },
  );
});
