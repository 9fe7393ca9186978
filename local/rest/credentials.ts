/**
 * Who may call the API: bearer tokens, compared in constant time, optionally narrowed by scopes.
 *
 * A scope is `<product>:read` or `<product>:edit`, product being one of those in `PRODUCTS`, with `:<id>` behind it where it is of one
 * zone only; a token without scopes may do everything. `edit` includes `read`.
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
      if (c.req.path.endsWith("/tokens/verify")) throw new ApiError(401, 1000, "Invalid API Token");
      throw new ApiError(401, 10000, "Authentication error");
    }
    c.set("token", token);
    await next();
  };
}

/** First path segment below an account or a zone → the product whose scope guards it; none is the zone itself. */
const PRODUCTS: Record<string, string> = {
  "": "zone",
  ai: "ai",
  d1: "d1",
  storage: "kv",
  r2: "r2",
  queues: "queues",
  subscriptions: "billing",
  workers: "workers",
  analytics_engine: "analytics",
  vectorize: "vectorize",
  tokens: "tokens",
  logpush: "logpush",
  alerting: "alerting",
  rulesets: "waf",
  healthchecks: "healthchecks",
};
/** Endpoints that change nothing although they are asked by POST. D1's `query` is not among them: it may write. */
const READING_POSTS =
  /^(storage\/kv\/namespaces\/[^/]+\/bulk\/get|queues\/[^/]+\/messages\/peek|vectorize\/v2\/indexes\/[^/]+\/(query|get_by_ids)|analytics_engine\/sql|ai\/run\/.+)$/;

interface Subject {
  product: string | undefined;
  /** Of a zone's. */
  zone_id: string | undefined;
  /** The path below the account or zone. */
  below: string;
}

/** What a request is about. Undefined where every token may ask: who it is, and of which account. */
function subjectOf(path: string): Subject | undefined {
  const [, kind, id, below = ""] = /^(?:\/client\/v4)?\/(accounts|zones)(?:\/([^/]+)\/?(.*))?$/.exec(path) ?? [];
  if (kind === undefined || (kind === "accounts" && (below === "" || below === "tokens/verify"))) return;
  const zone_id = kind === "zones" ? id : undefined;
  const [segment = "", ...rest] = below.split("/");
  // Logs and tails of Workers have scopes of their own: who may read them may not change what runs.
  if (segment === "workers" && rest[0] === "observability") return { product: "observability", zone_id, below };
  if (segment === "workers" && rest[0] === "scripts" && rest[2] === "tails") return { product: "tail", zone_id, below };
  return { product: PRODUCTS[segment], zone_id, below };
}

/** Whether scopes are enough to read or edit a product, of a zone where it is one of a zone's. */
export function isCovered(
  scopes: readonly string[] | undefined,
  product: string,
  verb: "read" | "edit",
  zone_id: string | undefined,
): boolean {
  const enough = [...new Set([verb, "edit"])].flatMap((one) => [`${product}:${one}`, `${product}:${one}:${zone_id}`]);
  return scopes === undefined || enough.some((scope) => scopes.includes(scope));
}

/** Refuses what the token's scopes do not cover (403, code 10000). */
export const requireScope: MiddlewareHandler<Authenticated> = async (c, next) => {
  const { scopes } = c.get("token");
  const { product, zone_id, below = "" } = subjectOf(c.req.path) ?? {};
  if (scopes !== undefined && product !== undefined) {
    const { method } = c.req;
    const reads =
      ["GET", "HEAD"].includes(method) ||
      (method === "POST" && READING_POSTS.test(below)) ||
      // There is no permission to change them.
      product === "tail";
    // Of zones a list shows those that the token may see.
    const isList = product === "zone" && zone_id === undefined && reads;
    if (!isList && !isCovered(scopes, product, reads ? "read" : "edit", zone_id))
      throw new ApiError(403, 10000, `Authentication error: the token lacks ${product}:${reads ? "read" : "edit"}`);
  }
  await next();
};
