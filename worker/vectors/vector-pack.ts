/**
 * Vector packs: the immutable files in R2 that hold every embedding, so that Vectorize can be rebuilt, moved or
 * backed up without its slow read-out and without embedding again. The format is described in
 * docs/vector-pack-format.md. Pure (web crypto only): whoever composes it does the R2 calls and writes the pack
 * BEFORE the D1 rows that point into it.
 */

import { hex } from "../ground/digest.ts";
import { PACK_BYTES_MAX, PACK_DIMENSIONS_MAX, PACK_MODEL_BYTES_MAX } from "../limits.ts";

const MAGIC = "PRISMVEC";
const VERSION = 1;
/** Fixed, so that a slot's place in the file follows from the dimensions alone, without reading the header. */
const HEADER_BYTES = 256;
const HASH_BYTES = 32;
const FLOAT_BYTES = 4;
const AT = {
  magic: 0,
  version: 8,
  header_bytes: 10,
  dimensions: 12,
  count: 16,
  model_bytes: 20,
  digest: 24,
  model: 56,
};
const HEX_HASH = /^[0-9a-f]{64}$/;

/** One vector and the hash of the chunk text it was made from; its index in the list is its slot. */
export interface PackEntry {
  /** SHA-256 of the embedded chunk, 64 lower-case hex digits. */
  content_hash: string;
  vector: Float32Array;
}

/** What a pack says about itself; every field has been checked against the bytes. */
interface PackHeader {
  version: number;
  embedding_model: string;
  dimensions: number;
  count: number;
  header_bytes: number;
  /** SHA-256 over the whole pack with the digest field as zeros, hex. */
  sha256: string;
}

interface DecodedPack extends PackHeader {
  /** The content-addressed key that this pack must be stored under. */
  key: string;
  entries: PackEntry[];
}

/** A pack that must not be used. `reason` is for programs, the message for people. */
export class PackError extends Error {
  readonly reason: "not-a-pack" | "newer-version" | "truncated" | "corrupt" | "invalid-input" | "no-such-slot";
  constructor(reason: PackError["reason"], message: string) {
    super(message);
    this.name = "PackError";
    this.reason = reason;
  }
}

/**
 * Encodes vectors of one model into a pack. The key contains the digest of the bytes: the same entries in the same
 * order always give the same key, so writing a pack twice is harmless.
 * @throws PackError `invalid-input` for no entries, mixed dimensions, values that are not finite, malformed hashes,
 * a model id over {@link PACK_MODEL_BYTES_MAX} bytes, or a pack over {@link PACK_BYTES_MAX} bytes.
 */
export async function encodePack(input: {
  embedding_model: string;
  dimensions: number;
  entries: readonly PackEntry[];
}): Promise<{ key: string; bytes: Uint8Array<ArrayBuffer> }> {
  const { embedding_model, dimensions, entries } = input;
  const model = new TextEncoder().encode(embedding_model);
  if (model.length === 0 || model.length > PACK_MODEL_BYTES_MAX)
    throw invalid(`the model id must have 1 to ${PACK_MODEL_BYTES_MAX} bytes, it has ${model.length}`);
  if (!Number.isInteger(dimensions) || dimensions < 1 || dimensions > PACK_DIMENSIONS_MAX)
    throw invalid(`dimensions must be 1 to ${PACK_DIMENSIONS_MAX}, not ${dimensions}`);
  if (entries.length === 0) throw invalid("a pack needs at least one entry");
  const size = packBytes(HEADER_BYTES, dimensions, entries.length);
  if (size > PACK_BYTES_MAX)
    throw invalid(
      `${entries.length} vectors make ${size} bytes; split them so that a pack has at most ${PACK_BYTES_MAX}`,
    );

  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  bytes.set(new TextEncoder().encode(MAGIC), AT.magic);
  view.setUint16(AT.version, VERSION, true);
  view.setUint16(AT.header_bytes, HEADER_BYTES, true);
  view.setUint32(AT.dimensions, dimensions, true);
  view.setUint32(AT.count, entries.length, true);
  view.setUint16(AT.model_bytes, model.length, true);
  bytes.set(model, AT.model);

  let at = HEADER_BYTES;
  for (const [slot, { vector }] of entries.entries()) {
    if (vector.length !== dimensions)
      throw invalid(`entry ${slot} has ${vector.length} values, the pack has ${dimensions} dimensions`);
    for (const value of vector) {
      if (!Number.isFinite(value)) throw invalid(`entry ${slot} holds ${value}; an embedding is finite`);
      view.setFloat32(at, value, true);
      at += FLOAT_BYTES;
    }
  }
  for (const [slot, { content_hash }] of entries.entries()) {
    if (!HEX_HASH.test(content_hash)) throw invalid(`entry ${slot}: content_hash must be 64 lower-case hex digits`);
    for (let i = 0; i < HASH_BYTES; i++) bytes[at++] = Number.parseInt(content_hash.slice(i * 2, i * 2 + 2), 16);
  }

  const digest = await digestOf(bytes);
  bytes.set(digest, AT.digest);
  return { key: packKey(embedding_model, hex(digest)), bytes };
}

/**
 * Decodes and verifies a whole pack.
 * @throws PackError `not-a-pack`, `newer-version`, `truncated` (also for bytes too many) or `corrupt` (any changed bit).
 */
export async function decodePack(bytes: Uint8Array): Promise<DecodedPack> {
  const header = readHeader(bytes);
  const actual = hex(await digestOf(bytes));
  if (actual !== header.sha256)
    throw new PackError(
      "corrupt",
      `The pack's content has SHA-256 ${actual}, its header says ${header.sha256}. Take it from a backup, or embed its chunks again.`,
    );
  const hashes_at = header.header_bytes + header.count * header.dimensions * FLOAT_BYTES;
  const entries: PackEntry[] = [];
  for (let slot = 0; slot < header.count; slot++) {
    const hash_at = hashes_at + slot * HASH_BYTES;
    entries.push({
      content_hash: hex(bytes.subarray(hash_at, hash_at + HASH_BYTES)),
      vector: vectorAt(bytes, header, slot),
    });
  }
  return { ...header, key: packKey(header.embedding_model, header.sha256), entries };
}

/**
 * One vector of a whole pack in memory, without verifying the digest: for reads that were verified before.
 * @throws PackError as {@link decodePack} except `corrupt`, and `no-such-slot`.
 */
export function readSlot(bytes: Uint8Array, slot: number): Float32Array {
  const header = readHeader(bytes);
  if (!Number.isInteger(slot) || slot < 0 || slot >= header.count)
    throw new PackError("no-such-slot", `The pack has slots 0 to ${header.count - 1}, not ${slot}.`);
  return vectorAt(bytes, header, slot);
}

/** Where a slot lies in a version 1 pack, for an R2 range read: `bucket.get(key, { range: slotRange(384, 7) })`. */
export function slotRange(dimensions: number, slot: number): { offset: number; length: number } {
  const length = dimensions * FLOAT_BYTES;
  return { offset: HEADER_BYTES + slot * length, length };
}

/** The float32 little-endian values of bytes that a range read of {@link slotRange} returned. */
export function readVector(bytes: Uint8Array): Float32Array {
  if (bytes.length % FLOAT_BYTES !== 0)
    throw new PackError("truncated", `A vector has whole 4-byte values; ${bytes.length} bytes were read.`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const vector = new Float32Array(bytes.length / FLOAT_BYTES);
  for (let i = 0; i < vector.length; i++) vector[i] = view.getFloat32(i * FLOAT_BYTES, true);
  return vector;
}

function readHeader(bytes: Uint8Array): PackHeader {
  const magic = new TextDecoder().decode(bytes.subarray(AT.magic, AT.magic + MAGIC.length));
  if (magic !== MAGIC.slice(0, bytes.length) || bytes.length === 0)
    throw new PackError("not-a-pack", `These bytes are not a vector pack: they do not begin with ${MAGIC}.`);
  if (bytes.length < HEADER_BYTES)
    throw new PackError(
      "truncated",
      `The pack ends after ${bytes.length} bytes, within its ${HEADER_BYTES}-byte header.`,
    );
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const version = view.getUint16(AT.version, true);
  if (version > VERSION)
    throw new PackError(
      "newer-version",
      `The pack has format version ${version}, this code reads up to ${VERSION}. Use the release that wrote it, or a newer one.`,
    );
  const header_bytes = view.getUint16(AT.header_bytes, true);
  const dimensions = view.getUint32(AT.dimensions, true);
  const count = view.getUint32(AT.count, true);
  const model_bytes = view.getUint16(AT.model_bytes, true);
  const plausible =
    version === VERSION &&
    header_bytes === HEADER_BYTES &&
    dimensions >= 1 &&
    dimensions <= PACK_DIMENSIONS_MAX &&
    count >= 1 &&
    model_bytes >= 1 &&
    model_bytes <= PACK_MODEL_BYTES_MAX;
  if (!plausible)
    throw new PackError("corrupt", "The pack's header holds impossible values. Take the pack from a backup.");
  const expected = packBytes(header_bytes, dimensions, count);
  if (bytes.length !== expected)
    throw new PackError(
      "truncated",
      `The pack has ${bytes.length} bytes; ${count} × ${dimensions} dimensions need ${expected}.`,
    );
  return {
    version,
    embedding_model: new TextDecoder().decode(bytes.subarray(AT.model, AT.model + model_bytes)),
    dimensions,
    count,
    header_bytes,
    sha256: hex(bytes.subarray(AT.digest, AT.digest + HASH_BYTES)),
  };
}

function vectorAt(bytes: Uint8Array, header: PackHeader, slot: number): Float32Array {
  const { offset, length } = slotRange(header.dimensions, slot);
  return readVector(bytes.subarray(offset, offset + length));
}

function packBytes(header_bytes: number, dimensions: number, count: number): number {
  return header_bytes + count * (dimensions * FLOAT_BYTES + HASH_BYTES);
}

/** The digest covers the header too (itself as zeros), so that no bit of the file can change unnoticed. */
async function digestOf(bytes: Uint8Array): Promise<Uint8Array> {
  const copy = new Uint8Array(bytes);
  copy.fill(0, AT.digest, AT.digest + HASH_BYTES);
  return new Uint8Array(await crypto.subtle.digest("SHA-256", copy));
}

function packKey(embedding_model: string, sha256: string): string {
  const slug = embedding_model
    .toLowerCase()
    .replace(/[^a-z0-9.]+/g, "-")
    .replace(/^[-.]+|[-.]+$/g, "");
  return `packs/${slug || "model"}/${sha256}.pack`;
}

function invalid(message: string): PackError {
  return new PackError("invalid-input", `Cannot make a vector pack: ${message}.`);
}
