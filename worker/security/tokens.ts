/**
 * Short-lived tokens (JWT, HS256) that stand for a key.
 *
 * A token carries only the key's id and its expiry: scopes, tenant and revocation are read from the key each time,
 * so a token can never do more, or live longer, than its key. Two secrets are accepted during a rotation.
 */
import { sign, verify } from "hono/jwt";
import { z } from "zod";
import { KEY_ID_CHARS, TOKEN_LIFETIME_S } from "../limits.ts";

const ISSUER = "prism";

const claimsSchema = z.object({
  iss: z.literal(ISSUER),
  sub: z.string().length(KEY_ID_CHARS),
  iat: z.number().int(),
  exp: z.number().int(),
});

/** A token for a key, valid for `TOKEN_LIFETIME_S` from `now_ms`. */
export async function issueToken(
  keyId: string,
  secret: string,
  now_ms: number,
): Promise<{ token: string; expires_at_ms: number }> {
  const iat = Math.floor(now_ms / 1000);
  const exp = iat + TOKEN_LIFETIME_S;
  return { token: await sign({ iss: ISSUER, sub: keyId, iat, exp }, secret, "HS256"), expires_at_ms: exp * 1000 };
}

/** True when a text has the three parts of a JWT; says nothing about its validity. */
export function looksLikeToken(text: string): boolean {
  return /^[\w-]+\.[\w-]+\.[\w-]+$/.test(text);
}

/**
 * What a token proves, or null when no secret made it, it has expired, or it claims more than we issue. `secrets`
 * may hold empty ones (no rotation under way); they are skipped, since anybody can sign with an empty secret.
 */
export async function readToken(
  token: string,
  secrets: string[],
  now_ms: number,
): Promise<{ key_id: string; expires_at_ms: number } | null> {
  for (const secret of secrets) {
    if (secret === "") continue;
    try {
      // Times are checked below, against the caller's clock; `iat` may lie ahead by the skew between two machines.
      const payload = await verify(token, secret, { alg: "HS256", iss: ISSUER, iat: false, exp: false });
      const claims = claimsSchema.parse(payload);
      const expires_at_ms = claims.exp * 1000;
      const lives = expires_at_ms > now_ms && claims.exp - claims.iat <= TOKEN_LIFETIME_S;
      return lives ? { key_id: claims.sub, expires_at_ms } : null;
    } catch {
      // Not made with this secret: during a rotation the other one may fit.
    }
  }
  return null;
}
