/**
 * API keys: `prism_<id>_<secret>`.
 *
 * The id names the row and may be logged; the secret is shown once and stored only as an HMAC under `KEY_PEPPER`,
 * so that neither the database nor a backup of it lets anyone in. No slow hash is needed: the secret has 200 random
 * bits, there is nothing to guess. No I/O and no randomness here; random bytes are passed in.
 */

import { hex } from "../ground/digest.ts";
import { KEY_ID_CHARS, KEY_SECRET_CHARS } from "../limits.ts";

/** Crockford's base 32: no letters that are mistaken for digits; 32 symbols map from 5 random bits without bias. */
const ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz";
const KEY_PATTERN = new RegExp(`^prism_([${ALPHABET}]{${KEY_ID_CHARS}})_([${ALPHABET}]{${KEY_SECRET_CHARS}})$`);

/** Random bytes that `formatKey` needs. */
export const KEY_RANDOM_BYTES = KEY_ID_CHARS + KEY_SECRET_CHARS;

interface ParsedKey {
  id: string;
  secret: string;
}

/** A new key from `KEY_RANDOM_BYTES` random bytes (5 bits of each are used). */
export function formatKey(random: Uint8Array): ParsedKey & { key: string } {
  if (random.length !== KEY_RANDOM_BYTES) {
    throw new Error(`A key needs ${KEY_RANDOM_BYTES} random bytes, got ${random.length}`);
  }
  const symbols = Array.from(random, (byte) => ALPHABET[byte & 31]).join("");
  const id = symbols.slice(0, KEY_ID_CHARS);
  const secret = symbols.slice(KEY_ID_CHARS);
  return { id, secret, key: `prism_${id}_${secret}` };
}

/** The parts of a key, or null when the text has not the shape of one. */
export function parseKey(text: string): ParsedKey | null {
  const match = KEY_PATTERN.exec(text);
  return match?.[1] && match[2] ? { id: match[1], secret: match[2] } : null;
}

/** HMAC-SHA-256 of a key's secret under the pepper: 64 hex digits, as `api_keys.secret_hash` holds it. */
export async function hashSecret(pepper: string, secret: string): Promise<string> {
  const mac = await crypto.subtle.sign("HMAC", await hmacKey(pepper), new TextEncoder().encode(secret));
  return hex(new Uint8Array(mac));
}

/** Imported once an isolate: a pepper lives as long as its deployment. */
const importedKeys = new Map<string, CryptoKey>();

async function hmacKey(pepper: string): Promise<CryptoKey> {
  const known = importedKeys.get(pepper);
  if (known) return known;
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const key = await crypto.subtle.importKey("raw", new TextEncoder().encode(pepper), algorithm, false, ["sign"]);
  importedKeys.set(pepper, key);
  return key;
}
