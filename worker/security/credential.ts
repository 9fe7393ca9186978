/** What a request presents to be let in, before anything is believed of it. */
import { CREDENTIAL_CHARS_MAX } from "../limits.ts";

export interface Credential {
  text: string;
  /**
   * SHA-256 of the text, hex. Memory is looked up by it and secrets are compared by it, so no timing
   * depends on the presented text in a way its sender controls byte by byte.
   */
  digest: string;
}

/** What is known for good about a genuine credential. */
export type Proof =
  | { via: "secret" }
  | { via: "key"; key_id: string; secret_hash: string }
  | { via: "token"; key_id: string; expires_at_ms: number };

/** The credential's text: from `Authorization: Bearer …`, else `X-API-Key`. Null: none; "malformed": unusable. */
export function presentedText(headers: Headers): string | null | "malformed" {
  const authorization = headers.get("authorization");
  const text = authorization === null ? headers.get("x-api-key") : bearer(authorization);
  if (text === null) return null;
  return text.length > 0 && text.length <= CREDENTIAL_CHARS_MAX ? text : "malformed";
}

function bearer(authorization: string): string {
  return /^bearer +(\S+) *$/i.exec(authorization)?.[1] ?? "";
}

/**
 * Whether two digests are equal, in a time that says nothing about where they differ. Only for texts of one fixed,
 * public length: a different length returns at once.
 */
export function equalInConstantTime(a: string, b: string): boolean {
  const encoder = new TextEncoder();
  const left = encoder.encode(a);
  const right = encoder.encode(b);
  return left.byteLength === right.byteLength && crypto.subtle.timingSafeEqual(left, right);
}
