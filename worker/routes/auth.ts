/** Who am I, and a short-lived token in exchange for a key. */
import { OpenAPIHono } from "@hono/zod-openapi";
import { Problem } from "../ground/problem.ts";
import { TOKEN_LIFETIME_S } from "../limits.ts";
import { identity, issuedToken } from "../schemas/auth.ts";
import { declareRoute } from "../security/access.ts";
import type { App } from "../security/context.ts";
import { issueToken } from "../security/tokens.ts";
import { refuseInvalid } from "../security/validation.ts";
import { usedToday } from "../telemetry/day-counts.ts";
import { json } from "./json-content.ts";

export const auth = new OpenAPIHono<App>({ defaultHook: refuseInvalid });

const verify = declareRoute("any", {
  method: "post",
  path: "/api/v1/auth/verify",
  tags: ["Authentication"],
  summary: "Check a key and see what it may do",
  responses: {
    200: json(identity, "The credential is valid"),
  },
});

const token = declareRoute("any", {
  method: "post",
  path: "/api/v1/auth/token",
  tags: ["Authentication"],
  summary: "Exchange a key for a short-lived token",
  description:
    "For places a key should not reach, such as a browser. The token does what the key may do, for 15 minutes; " +
    "revoking the key revokes its tokens.",
  responses: {
    200: json(issuedToken, "A token"),
  },
});

auth.openapi(verify, (c) => {
  const { key_id, via, tenant, scopes, rate_tier, daily_quota } = c.var.work.caller;
  const used_today = usedToday(key_id);
  return c.json({ key_id, via, tenant, scopes: [...scopes], rate_tier, daily_quota, used_today }, 200);
});

auth.openapi(token, async (c) => {
  const { work } = c.var;
  const { via, key_id } = work.caller;
  if (via !== "key") {
    // A token of the bootstrap secret could not be revoked; a token for a token would never end.
    throw new Problem("token-not-exchangeable", "Only an API key can be exchanged for a token.");
  }
  const { token, expires_at_ms } = await issueToken(key_id, c.env.JWT_SECRET, work.now_ms);
  const expires_at = new Date(expires_at_ms).toISOString();
  return c.json({ token, token_type: "Bearer" as const, expires_in: TOKEN_LIFETIME_S, expires_at }, 200);
});
