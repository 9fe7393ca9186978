/**
 * The bytes of a part's object: header · AES-256-GCM(zstd(content)) · tag · MAC.
 *
 * The tag needs the content key, which only readers have. The MAC needs only the writers' key, so that a machine which
 * cannot read can still tell its own parts from damaged or forged ones.
 */
import { createHash, createHmac, randomBytes, timingSafeEqual, webcrypto } from "node:crypto";
import { compress, decompress, type MetadataKeys, partId, sha256 } from "./metadata.ts";

/** magic 8 · version u16 · header length u16 · plain length u32 · content key id 32 · nonce 12 · zero 4 · part id 32, little-endian */
const HEADER_BYTES = 96;
const MAGIC = Buffer.from("PRISMPRT");
const VERSION = 1;
const AT = { version: 8, header_bytes: 10, plain_bytes: 12, content_key: 16, nonce: 48, id: 64 } as const;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const MAC_BYTES = 32;
/** Fast: the storage's line is slower than any level, and text and vectors gain little from more. */
const COMPRESSION_LEVEL = 1;

/** A key of 32 bytes for content, and the SHA-256 of the object that holds it, encrypted. */
export interface ContentKey {
  id: string;
  key: webcrypto.CryptoKey;
}

export const KIND = /^[a-z0-9-]{1,40}$/;

export const importContentKey = (raw: Uint8Array): Promise<webcrypto.CryptoKey> =>
  webcrypto.subtle.importKey("raw", new Uint8Array(raw), "AES-GCM", false, ["encrypt", "decrypt"]);

export async function encodePart(
  keys: MetadataKeys,
  content: ContentKey,
  part: { id: string; kind: string; plain: Uint8Array },
): Promise<{ object: Uint8Array; sha256: string }> {
  const header = Buffer.alloc(HEADER_BYTES);
  MAGIC.copy(header);
  header.writeUInt16LE(VERSION, AT.version);
  header.writeUInt16LE(HEADER_BYTES, AT.header_bytes);
  header.writeUInt32LE(part.plain.byteLength, AT.plain_bytes);
  header.write(content.id, AT.content_key, "hex");
  const nonce = randomBytes(NONCE_BYTES);
  nonce.copy(header, AT.nonce);
  header.write(part.id, AT.id, "hex");
  const packed = await compress(part.plain, COMPRESSION_LEVEL);
  const sealed = await webcrypto.subtle.encrypt(gcm(keys, header, part.kind), content.key, packed);
  const hash = createHash("sha256").update(header).update(new Uint8Array(sealed));
  const mac = createHmac("sha256", keys.mac).update(hash.copy().digest()).digest();
  return { object: Buffer.concat([header, new Uint8Array(sealed), mac]), sha256: hash.update(mac).digest("hex") };
}

/** Whether a writer of this repository made the object, unharmed, and what its header says. Opens no content. */
export function authenticatePart(
  keys: MetadataKeys,
  object: Uint8Array,
): { id: string; content_key: string; plain_bytes: number } | { problem: string; newer?: boolean } {
  const bytes = Buffer.from(object.buffer, object.byteOffset, object.byteLength);
  if (bytes.length < HEADER_BYTES + TAG_BYTES + MAC_BYTES) return { problem: `has only ${bytes.length} bytes` };
  if (!bytes.subarray(0, MAGIC.length).equals(MAGIC)) return { problem: "is not a part of a PRISM backup" };
  const digest = createHash("sha256").update(bytes.subarray(0, -MAC_BYTES)).digest();
  const mac = createHmac("sha256", keys.mac).update(digest).digest();
  if (!timingSafeEqual(mac, bytes.subarray(-MAC_BYTES))) return { problem: "differs from what was written" };
  const version = bytes.readUInt16LE(AT.version);
  if (version > VERSION) return { problem: `has format ${version}, this release knows ${VERSION}`, newer: true };
  return {
    id: bytes.toString("hex", AT.id, AT.id + 32),
    content_key: bytes.toString("hex", AT.content_key, AT.content_key + 32),
    plain_bytes: bytes.readUInt32LE(AT.plain_bytes),
  };
}

/** The content of an object that `authenticatePart` accepted. @throws Error with what is wrong. */
export async function decodePart(
  keys: MetadataKeys,
  content: ContentKey,
  part: { id: string; kind: string; plain_bytes: number; plain_sha256: string },
  object: Uint8Array,
): Promise<Uint8Array> {
  const header = object.subarray(0, HEADER_BYTES);
  const sealed = new Uint8Array(object.subarray(HEADER_BYTES, -MAC_BYTES));
  const packed = await webcrypto.subtle.decrypt(gcm(keys, header, part.kind), content.key, sealed).catch((error) => {
    throw new Error("cannot be decrypted with its content key", { cause: error });
  });
  const plain = await decompress(new Uint8Array(packed), part.plain_bytes);
  const hash = sha256(plain);
  if (
    plain.byteLength !== part.plain_bytes ||
    hash !== part.plain_sha256 ||
    partId(keys, part.kind, hash) !== part.id
  ) {
    throw new Error("holds another content than the index says");
  }
  return plain;
}

function gcm(keys: MetadataKeys, header: Uint8Array, kind: string) {
  const iv = new Uint8Array(header.subarray(AT.nonce, AT.nonce + NONCE_BYTES));
  const additionalData = new Uint8Array(Buffer.concat([header, Buffer.from(`${keys.repository}\n${kind}`)]));
  return { name: "AES-GCM", iv, additionalData, tagLength: TAG_BYTES * 8 };
}
