/**
 * What whoever writes backups holds in common: keys that name parts, authenticate them, and seal the metadata. They
 * open no content.
 */
import { createCipheriv, createDecipheriv, createHash, createHmac, hkdfSync, randomBytes } from "node:crypto";
import { promisify } from "node:util";
import { constants, zstdCompress, zstdCompressSync, zstdDecompress, zstdDecompressSync } from "node:zlib";

/** Of the repository's writer secret (HKDF-SHA256, salt = repository id, info = `prism-backup/1 …`). */
export interface MetadataKeys {
  repository: string;
  /** HMAC that makes ids of parts. */
  id: Uint8Array;
  /** HMAC over encrypted parts. */
  mac: Uint8Array;
  /** AES-256-GCM of indexes, checkpoints and summaries. */
  seal: Uint8Array;
}

const NONCE_BYTES = 12;
const TAG_BYTES = 16;
/** An index names a part in about 130 compressed bytes: this is one of millions of parts. */
const SEALED_PLAIN_BYTES_MAX = 1024 * 1024 * 1024;

/** So few are worked on at once: to hand them to another thread takes longer. */
const AT_ONCE_BYTES = 128 * 1024;

export async function compress(plain: Uint8Array, level: number): Promise<Uint8Array<ArrayBuffer>> {
  const options = { params: { [constants.ZSTD_c_compressionLevel]: level } };
  return plain.byteLength <= AT_ONCE_BYTES
    ? zstdCompressSync(plain, options)
    : await promisify(zstdCompress)(plain, options);
}

/** Stops at `plain_bytes_max`: a few bytes may claim to be gigabytes. */
export async function decompress(packed: Uint8Array, plain_bytes_max: number): Promise<Uint8Array> {
  const options = { maxOutputLength: Math.max(1, plain_bytes_max) };
  return packed.byteLength <= AT_ONCE_BYTES
    ? zstdDecompressSync(packed, options)
    : await promisify(zstdDecompress)(packed, options);
}

export const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

/** `secret`: 32 bytes, base64url. */
export function metadataKeys(secret: string, repository: string): MetadataKeys {
  const derive = (info: string): Uint8Array =>
    new Uint8Array(hkdfSync("sha256", Buffer.from(secret, "base64url"), repository, `prism-backup/1 ${info}`, 32));
  return { repository, id: derive("part id"), mac: derive("part mac"), seal: derive("seal") };
}

/** Same kind and content, same id; without the key nobody can tell which content. */
export function partId(keys: MetadataKeys, kind: string, plain_sha256: string): string {
  return createHmac("sha256", keys.id).update(`${kind}\n`).update(Buffer.from(plain_sha256, "hex")).digest("hex");
}

/** nonce · AES-256-GCM(zstd(JSON)) · tag. `purpose` binds it to its place. */
export async function seal(keys: MetadataKeys, purpose: string, value: unknown): Promise<Uint8Array> {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv("aes-256-gcm", keys.seal, nonce).setAAD(context(keys, purpose));
  const body = cipher.update(await compress(Buffer.from(JSON.stringify(value)), constants.ZSTD_CLEVEL_DEFAULT));
  return Buffer.concat([nonce, body, cipher.final(), cipher.getAuthTag()]);
}

/** @throws Error when it was not sealed by this repository for this purpose. */
export async function unseal(keys: MetadataKeys, purpose: string, bytes: Uint8Array): Promise<unknown> {
  if (bytes.byteLength < NONCE_BYTES + TAG_BYTES) throw new Error("is too short to be sealed");
  const cipher = createDecipheriv("aes-256-gcm", keys.seal, bytes.subarray(0, NONCE_BYTES), {
    authTagLength: TAG_BYTES,
  })
    .setAAD(context(keys, purpose))
    .setAuthTag(bytes.subarray(-TAG_BYTES));
  const packed = Buffer.concat([cipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES)), cipher.final()]);
  return JSON.parse(Buffer.from(await decompress(packed, SEALED_PLAIN_BYTES_MAX)).toString());
}

const context = (keys: MetadataKeys, purpose: string): Uint8Array =>
  Buffer.from(`prism-backup/1\n${keys.repository}\n${purpose}`);
