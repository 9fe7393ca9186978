/** What Vectorize refuses in an index, a vector, a name or an id list. Pure; every refusal is an `ApiError`. */
import {
  VECTORIZE_DIMENSIONS_MAX,
  VECTORIZE_ID_BYTES_MAX,
  VECTORIZE_INDEX_NAME_BYTES_MAX,
  VECTORIZE_KEY_CHARS_MAX,
  VECTORIZE_METADATA_BYTES_MAX,
  VECTORIZE_NAMESPACE_BYTES_MAX,
} from "../../infra/cloudflare-limits.ts";
import { isObject } from "../../worker/ground/json.ts";
import type { ApiError } from "../rest/envelope.ts";
import { badRequest } from "./errors.ts";
import type { Change, Entry, IndexConfig, VectorInput } from "./types.ts";

/** Checks a batch and copies it: entries with metadata as JSON, and all values in one array. */
export function checkedBatch(
  kind: "insert" | "upsert",
  vectors: readonly VectorInput[],
  dimensions: number,
): Change & { kind: "insert" | "upsert" } {
  const values = new Float32Array(vectors.length * dimensions);
  const entries = vectors.map((vector, position): Entry => {
    checkId(vector.id);
    if (vector.values.length !== dimensions)
      throw badRequest(
        "vector_dimensions",
        `invalid vector for id="${vector.id}", expected ${dimensions} dimensions, and got ${vector.values.length} dimensions`,
      );
    values.set(vector.values, position * dimensions);
    const namespace = vector.namespace ?? null;
    if (namespace !== null) checkNamespace(namespace);
    return { id: vector.id, namespace, metadata: metadataJson(vector) };
  });
  const broken = values.findIndex((value) => !Number.isFinite(value));
  if (broken >= 0) {
    const id = entries[Math.floor(broken / dimensions)]?.id;
    throw unparsable(`values of id="${id}" must be finite float32 numbers`);
  }
  return { kind, entries, values };
}

export function checkNewIndex(name: string, { dimensions }: IndexConfig): void {
  const bytes = Buffer.byteLength(name);
  if (!/^[A-Za-z0-9][A-Za-z0-9_-]*$/.test(name) || bytes > VECTORIZE_INDEX_NAME_BYTES_MAX)
    throw badRequest(
      "invalid_index",
      `index name "${name}" must be 1 to ${VECTORIZE_INDEX_NAME_BYTES_MAX} letters, digits, - or _, beginning with a letter or digit`,
    );
  if (!Number.isInteger(dimensions) || dimensions < 1 || dimensions > VECTORIZE_DIMENSIONS_MAX)
    throw badRequest("invalid_index", `dimensions must be 1 to ${VECTORIZE_DIMENSIONS_MAX}, got ${dimensions}`);
}

function checkId(id: unknown): asserts id is string {
  if (typeof id !== "string" || !id.isWellFormed()) throw unparsable("id must be a string of Unicode text");
  const bytes = Buffer.byteLength(id);
  if (bytes > VECTORIZE_ID_BYTES_MAX)
    throw badRequest("id_length", `id too long; max is ${VECTORIZE_ID_BYTES_MAX} bytes, got ${bytes} bytes`);
  if (bytes === 0) throw badRequest("id_length", "id must not be empty");
}

export function checkNamespace(namespace: unknown): asserts namespace is string {
  if (typeof namespace !== "string" || !namespace.isWellFormed())
    throw unparsable("namespace must be a string of Unicode text");
  const bytes = Buffer.byteLength(namespace);
  if (bytes > VECTORIZE_NAMESPACE_BYTES_MAX)
    throw badRequest(
      "namespace_length",
      `namespace too long; max is ${VECTORIZE_NAMESPACE_BYTES_MAX} bytes, got ${bytes} bytes`,
    );
}

export function checkIds(ids: readonly unknown[], count_max: number): asserts ids is string[] {
  if (ids.length > count_max)
    throw badRequest("too_many_ids", `too many ids in payload; max id count is ${count_max}, got ${ids.length}`);
  for (const id of ids) checkId(id);
}

function metadataJson({ id, metadata }: VectorInput): string | null {
  if (metadata === undefined || metadata === null) return null;
  if (!isObject(metadata)) throw unparsable(`metadata of id="${id}" must be an object`);
  checkMetadataText(id, metadata);
  const json = JSON.stringify(metadata);
  const bytes = Buffer.byteLength(json);
  if (bytes > VECTORIZE_METADATA_BYTES_MAX)
    throw badRequest(
      "metadata",
      `metadata of id="${id}" too large; max is ${VECTORIZE_METADATA_BYTES_MAX} bytes, got ${bytes} bytes`,
    );
  return json;
}

/** https://developers.cloudflare.com/vectorize/best-practices/insert-vectors/#metadata */
function checkMetadataText(id: string, value: unknown): void {
  if (typeof value === "string" && !value.isWellFormed()) {
    // Seen in production: one lone surrogate makes Vectorize refuse the whole batch.
    throw unparsable(`metadata of id="${id}" holds a lone surrogate, which has no UTF-8`);
  }
  if (typeof value !== "object" || value === null) return;
  for (const [key, inner] of Object.entries(value)) {
    if (
      !Array.isArray(value) &&
      (key === "" || key.startsWith("$") || /[".]/.test(key) || key.length > VECTORIZE_KEY_CHARS_MAX)
    ) {
      throw badRequest(
        "metadata",
        `metadata key ${JSON.stringify(key)} of id="${id}" may not be empty, start with $, contain " or . or be over ${VECTORIZE_KEY_CHARS_MAX} characters`,
      );
    }
    checkMetadataText(id, inner);
  }
}

export function unparsable(why: string): ApiError {
  return badRequest("unparsable_vectors", `failed to parse vectors: ${why}`);
}
