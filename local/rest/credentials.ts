/**
 * Who may call the API: bearer tokens, compared in constant time, optionally narrowed by scopes.
 *
 * A scope is `<product>:read` or `<product>:edit`, product being one of those in `PRODUCTS`;
 * a token without scopes may do everything. `edit` includes `read`.
 */
import { createHash, timingSafeEqual } from "node:crypto";
import type { MiddlewareHandler } from "hono";
import { ApiError } from "./envelope.ts";

export interface ApiToken {
  /** The token's id (32 hex digits on Cloudflare); also the R2 access key id derived from it. */
  id: string;
  value: string;
  scopes?: string[];
}

/** What the routes behind `authenticate` find in the context. */
export interface Authenticated {
  Variables: { token: ApiToken };
}

const digest = (text: string): Buffer => createHash("sha256").update(text).digest();

/** The token whose value is `value`. Every token is compared, so that time tells nothing about which one was near. */
function tokenWithValue(tokens: readonly ApiToken[], value: string): ApiToken | undefined {
  const wanted = digest(value);
  let found: ApiToken | undefined;
  for (const token of tokens) if (timingSafeEqual(digest(token.value), wanted)) found = token;
  return found;
}

/** Refuses a request without a valid `Authorization: Bearer`, with Cloudflare's codes for each way to fail. */
export function authenticate(tokens: () => readonly ApiToken[]): MiddlewareHandler<Authenticated> {
  return async (c, next) => {
    const header = c.req.header("Authorization");
    if (header === undefined)
      throw new ApiError(400, 9106, "Missing Authorization header: send `Authorization: Bearer <API token>`");
    const value = /^Bearer (\S+)$/.exec(header)?.[1];
    if (value === undefined)
      throw new ApiError(400, 6003, "Invalid request headers: Authorization must read `Bearer <API token>`");
    const token = tokenWithValue(tokens(), value);
    if (token === undefined) {
      if (c.req.path.endsWith("/user/tokens/verify")) throw new ApiError(401, 1000, "Invalid API Token");
      throw new ApiError(401, 10000, "Authentication error");
    }
    c.set("token", token);
    await next();
  };
}

/** First path segment below an account or a zone → the product whose scope guards it. */
const PRODUCTS: Record<string, string> = {
  ai: "ai",
  d1: "d1",
  storage: "kv",
  r2: "r2",
  queues: "queues",
  workers: "workers",
  analytics_engine: "analytics",
  vectorize: "vectorize",
  tokens: "tokens",
  logpush: "logpush",
  alerting: "alerting",
  rulesets: "waf",
  healthchecks: "healthchecks",
};
/** POST endpoints that change nothing. D1's `query` is not among them: it may write. */
const READING_POSTS =
  /\/(get_by_ids|bulk\/get|messages\/peek|vectorize\/v2\/indexes\/[^/]+\/query|analytics_engine\/sql|ai\/run\/.+)$/;

/** Logs and tails of Workers have scopes of their own: who may read them may not change what runs. */
function productOf(path: string): string | undefined {
  const [, segment = "", below = ""] = /\/(?:accounts|zones)\/[^/]+\/([^/]+)\/?(.*)/.exec(path) ?? [];
  if (segment === "workers" && below.startsWith("observability/")) return "observability";
  if (segment === "workers" && /^scripts\/[^/]+\/tails(\/|$)/.test(below)) return "tail";
  return PRODUCTS[segment];
}

/** Refuses what the token's scopes do not cover (403, code 10000). */
export const requireScope: MiddlewareHandler<Authenticated> = async (c, next) => {
  const { scopes } = c.get("token");
  const product = productOf(c.req.path);
  if (scopes !== undefined && product !== undefined) {
    const reads = ["GET", "HEAD"].includes(c.req.method) || READING_POSTS.test(c.req.path) || product === "tail";
    if (!scopes.includes(`${product}:edit`) && !(reads && scopes.includes(`${product}:read`)))
      throw new ApiError(403, 10000, `Authentication error: the token lacks ${product}:${reads ? "read" : "edit"}`);
  }
  await next();
};
