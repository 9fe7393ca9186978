/**
 * Signed JSON as a DSSE envelope (https://github.com/secure-systems-lab/dsse) with Ed25519: the type is signed with the
 * payload, so that a signature made for one kind of object says nothing about another. Pure.
 */
import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from "node:crypto";
import { z } from "zod";

/** What is wrong with an envelope, in a sentence without a full stop. `broken`: nobody's work, but a full disk's or an unfinished copy's. */
type Verified<T> = { payload: T; signer: string } | { problem: string; newer?: boolean; broken?: boolean };

const PRIVATE_PREFIX = Buffer.from("302e020100300506032b657004220420", "hex");
const PUBLIC_PREFIX = Buffer.from("302a300506032b6570032100", "hex");
const FORMAT = 1;

const Envelope = z.object({
  payload: z.base64(),
  payloadType: z.string(),
  signatures: z.array(z.object({ keyid: z.string(), sig: z.base64() })).length(1),
});

/** What the kinds of objects are called inside a signature. */
const typeOf = (kind: string): string => `application/vnd.prism-backup.${kind}+json`;

/** From a seed of 32 bytes (RFC 8032), base64url. */
export function signingKey(seed: string): { key: KeyObject; public: string } {
  const der = Buffer.concat([PRIVATE_PREFIX, Buffer.from(seed, "base64url")]);
  const key = createPrivateKey({ key: der, format: "der", type: "pkcs8" });
  const spki = createPublicKey(key).export({ format: "der", type: "spki" });
  return { key, public: spki.subarray(PUBLIC_PREFIX.length).toString("base64url") };
}

export function signJson(kind: string, payload: { format: 1; [field: string]: unknown }, seed: string): Uint8Array {
  const { key, public: keyid } = signingKey(seed);
  const body = Buffer.from(JSON.stringify(payload));
  const sig = sign(null, preAuthentication(typeOf(kind), body), key).toString("base64");
  const envelope = { payload: body.toString("base64"), payloadType: typeOf(kind), signatures: [{ keyid, sig }] };
  return Buffer.from(JSON.stringify(envelope));
}

/** `trusted`: public keys, base64url, any of which may have signed. */
export function verifyJson<T extends { format: 1 }>(
  kind: string,
  bytes: Uint8Array,
  trusted: readonly string[],
  schema: z.ZodType<T>,
): Verified<T> {
  const written = jsonOf(bytes);
  if (written === undefined) {
    return { problem: bytes.byteLength === 0 ? "is empty" : "is cut off or overwritten", broken: true };
  }
  const envelope = Envelope.safeParse(written);
  if (!envelope.success) return { problem: "is not a signed object of a PRISM backup" };
  // One way to write it, so that no bit of the object is outside of what is proven.
  if (!Buffer.from(JSON.stringify(envelope.data)).equals(bytes)) return { problem: "is not written as it was signed" };
  const { payloadType, payload, signatures } = envelope.data;
  if (payloadType !== typeOf(kind)) return { problem: `is a ${payloadType}, not a ${typeOf(kind)}` };
  const [signature] = signatures;
  if (!signature || !trusted.includes(signature.keyid)) return { problem: "is signed by a key that is not trusted" };
  const body = Buffer.from(payload, "base64");
  const isCanonical = [payload, signature.sig].every((text) => Buffer.from(text, "base64").toString("base64") === text);
  if (!isCanonical) return { problem: "is not written as it was signed" };
  const der = Buffer.concat([PUBLIC_PREFIX, Buffer.from(signature.keyid, "base64url")]);
  const key = createPublicKey({ key: der, format: "der", type: "spki" });
  if (!verify(null, preAuthentication(payloadType, body), key, Buffer.from(signature.sig, "base64"))) {
    return { problem: "does not bear out its signature" };
  }
  const value = jsonOf(body);
  const format = z.object({ format: z.number() }).safeParse(value);
  if (format.success && format.data.format > FORMAT) {
    return { problem: `has format ${format.data.format}, this release knows ${FORMAT}`, newer: true };
  }
  const parsed = schema.safeParse(value);
  if (!parsed.success) return { problem: `is signed but unreadable: ${z.prettifyError(parsed.error)}` };
  return { payload: parsed.data, signer: signature.keyid };
}

/** The payload without any proof: for what leads to the key that proves it. Undefined when it is no envelope. */
export function unverifiedJson(bytes: Uint8Array): unknown {
  const envelope = Envelope.safeParse(jsonOf(bytes));
  return envelope.success ? jsonOf(Buffer.from(envelope.data.payload, "base64")) : undefined;
}

function preAuthentication(type: string, body: Uint8Array): Uint8Array {
  const head = `DSSEv1 ${Buffer.byteLength(type)} ${type} ${body.byteLength} `;
  return Buffer.concat([Buffer.from(head), body]);
}

function jsonOf(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    return undefined;
  }
}
