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
