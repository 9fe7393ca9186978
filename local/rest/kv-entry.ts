/** The rules for one KV entry: key, value, metadata and expiry, as they hold for single and bulk writes. Pure. */
import {
  KV_KEY_BYTES_MAX,
  KV_METADATA_BYTES_MAX,
  KV_TTL_MIN_S,
  KV_VALUE_BYTES_MAX,
} from "../../infra/cloudflare-limits.ts";
import { ApiError } from "./envelope.ts";

/** KV's code for a request it cannot read. */
export const KV_MALFORMED = 10012;

interface KvExpiry {
  /** Seconds since the epoch. */
  expiration?: number | undefined;
  /** Seconds from now. */
  expiration_ttl?: number | undefined;
}

/** @throws ApiError naming the limit that a key breaks. */
export function refuseKey(key: string): void {
  const bytes = Buffer.byteLength(key);
  if (bytes === 0 || key === "." || key === "..")
    throw new ApiError(400, 10033, `a key must not be empty, "." or "..": got "${key}"`);
  if (bytes > KV_KEY_BYTES_MAX)
    throw new ApiError(414, 10030, `key is too long: ${bytes} bytes, at most ${KV_KEY_BYTES_MAX} are allowed`);
}

/** @throws ApiError naming the limit that a value or its metadata breaks. */
export function refuseValue(value: Uint8Array, metadata: unknown): void {
  if (value.byteLength > KV_VALUE_BYTES_MAX)
    throw new ApiError(
      413,
      10047,
      `value is too large: ${value.byteLength} bytes, at most ${KV_VALUE_BYTES_MAX} are allowed`,
    );
  const bytes = metadata === undefined ? 0 : Buffer.byteLength(JSON.stringify(metadata));
  if (bytes > KV_METADATA_BYTES_MAX)
    throw new ApiError(
      400,
      10046,
      `metadata is too large: ${bytes} bytes as JSON, at most ${KV_METADATA_BYTES_MAX} are allowed`,
    );
}

/** What `KVNamespace.put` takes for this expiry. @throws ApiError for less than a minute from now. */
export function expiryOptions(
  { expiration, expiration_ttl }: KvExpiry,
  now_ms: number,
): { expirationTtl?: number; expiration?: number } {
  if (expiration_ttl !== undefined) {
    if (expiration_ttl < KV_TTL_MIN_S)
      throw new ApiError(
        400,
        10034,
        `invalid expiration_ttl of ${expiration_ttl}: it must be at least ${KV_TTL_MIN_S} seconds`,
      );
    return { expirationTtl: expiration_ttl };
  }
  if (expiration === undefined) return {};
  if (expiration < Math.floor(now_ms / 1000) + KV_TTL_MIN_S)
    throw new ApiError(
      400,
      10034,
      `invalid expiration of ${expiration}: it must be at least ${KV_TTL_MIN_S} seconds from now`,
    );
  return { expiration };
}
