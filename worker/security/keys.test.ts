import fc from "fast-check";
import { expect, test } from "vitest";
import { formatKey, hashSecret, KEY_RANDOM_BYTES, parseKey } from "./keys.ts";
import { seal, unseal } from "./sealing.ts";
import { issueToken, readToken } from "./tokens.ts";

const randomBytes = fc.uint8Array({ minLength: KEY_RANDOM_BYTES, maxLength: KEY_RANDOM_BYTES });
const MINUTE_MS = 60_000;
const ID = "0".repeat(12);

test("a key that was made is parsed back into its parts", () => {
  fc.assert(
    fc.property(randomBytes, (random) => {
      const { id, secret, key } = formatKey(random);
      expect(parseKey(key)).toEqual({ id, secret });
    }),
  );
});

test("a key with one character changed in kind, added or lost is no key", () => {
  fc.assert(
    fc.property(randomBytes, fc.nat(58), (random, at) => {
      const { key } = formatKey(random);
      expect(parseKey(`${key.slice(0, at)}!${key.slice(at + 1)}`)).toBeNull();
      expect(parseKey(key.slice(0, at) + key.slice(at + 1))).toBeNull();
      expect(parseKey(`${key}0`)).toBeNull();
    }),
  );
});

test("any text that is no key is refused without an error", () => {
  fc.assert(fc.property(fc.string(), (text) => void expect(parseKey(text)).toBeNull()));
});

test("the stored hash depends on the secret and on the pepper", async () => {
  const hashes = [await hashSecret("p", "a"), await hashSecret("p", "b"), await hashSecret("q", "a")];
  expect(new Set(hashes).size).toBe(3);
  expect(await hashSecret("p", "a")).toBe(hashes[0]);
});

test("what is sealed opens with its secret only, and not after a change", async () => {
  const sealed = await seal("secret", "text ☃");
  expect(await unseal("secret", sealed)).toBe("text ☃");
  await expect(unseal("other", sealed)).rejects.toThrow();
  await expect(unseal("secret", `A${sealed.slice(1)}`)).rejects.toThrow();
});

test("a token is read with the current or the previous secret, until it expires", async () => {
  const { token, expires_at_ms } = await issueToken(ID, "previous", 0);
  const proven = { key_id: ID, expires_at_ms: 15 * MINUTE_MS };
  expect(expires_at_ms).toBe(15 * MINUTE_MS);
  expect(await readToken(token, ["current", "previous"], MINUTE_MS)).toEqual(proven);
  expect(await readToken(token, ["current", ""], MINUTE_MS)).toBeNull();
  expect(await readToken(token, ["previous"], 15 * MINUTE_MS)).toBeNull();
});

test("a token that nobody signed, or that asks for more than we issue, is refused", async () => {
  const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString("base64url");
  const claims = { iss: "prism", sub: ID, iat: 0, exp: 900 };
  const unsigned = `${encode({ alg: "none", typ: "JWT" })}.${encode(claims)}.`;
  expect(await readToken(unsigned, ["secret"], 0)).toBeNull();
  expect(await readToken(`${encode({ alg: "HS256" })}.${encode(claims)}.`, [""], 0)).toBeNull();
  const { sign } = await import("hono/jwt");
  expect(await readToken(await sign(claims, "secret", "HS256"), ["secret"], 0)).not.toBeNull();
  expect(await readToken(await sign({ ...claims, exp: 901 }, "secret", "HS256"), ["secret"], 0)).toBeNull();
  expect(await readToken(await sign({ ...claims, iss: "other" }, "secret", "HS256"), ["secret"], 0)).toBeNull();
  expect(await readToken(await sign(claims, "secret", "HS512"), ["secret"], 0)).toBeNull();
});
