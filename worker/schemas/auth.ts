/** Who the caller is, and tokens. */
import { z } from "@hono/zod-openapi";
import { RATE_TIERS, SCOPES } from "../ground/principal.ts";

export const identity = z
  .object({
    key_id: z.string().openapi({ description: "`bootstrap` for the bootstrap secret." }),
    via: z.enum(["secret", "key", "token"]),
    tenant: z.string(),
    scopes: z.array(z.enum(SCOPES)),
    rate_tier: z.enum(RATE_TIERS),
    daily_quota: z.int().nullable(),
    used_today: z.int().openapi({ description: "Requests of this UTC day, as far as the answering isolate knows." }),
  })
  .openapi("Identity");

export const issuedToken = z
  .object({
    token: z.string().openapi({ description: "A JWT; send it like a key, as `Authorization: Bearer`." }),
    token_type: z.literal("Bearer"),
    expires_in: z.int().openapi({ description: "Seconds.", example: 900 }),
    expires_at: z.iso.datetime(),
  })
  .openapi("IssuedToken");
