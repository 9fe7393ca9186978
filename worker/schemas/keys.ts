/** API keys as the API takes and shows them. */
import { z } from "@hono/zod-openapi";
import { RATE_TIERS, SCOPES } from "../ground/principal.ts";
import {
  KEY_ID_CHARS,
  KEY_NAME_CHARS_MAX,
  KEY_PAGE_DEFAULT,
  KEY_PAGE_MAX,
  KEY_QUOTA_MAX,
  TENANT_CHARS_MAX,
} from "../limits.ts";
import { cursorOf, nextCursor, shownText, wholeNumber } from "./documents.ts";

const name = shownText
  .refine((text) => !/[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/u.test(text), "must not hold control characters")
  .trim()
  .min(1)
  .max(KEY_NAME_CHARS_MAX)
  .openapi({
    pattern: "^(?=.*\\S)[^\\u0000-\\u001f\\u007f-\\u009f\\u061c\\u200e\\u200f\\u2028-\\u202e\\u2066-\\u2069]*$",
    description: "For humans: who uses the key, and for what.",
    example: "intranet search",
  });

/** Lower case, so that two tenants cannot differ only in case where a store ignores it. */
const tenant = z
  .string()
  .max(TENANT_CHARS_MAX)
  .regex(/^[a-z0-9][a-z0-9_-]*$/, "lower-case letters, digits, `-` and `_` only")
  .openapi({ description: "Whose documents the key reaches.", example: "default" });

const scopes = z
  .array(z.enum(SCOPES))
  .min(1)
  .transform((list) => SCOPES.filter((scope) => list.includes(scope)))
  .openapi({ type: "array", minItems: 1, items: { type: "string", enum: [...SCOPES] }, example: ["read", "chat"] });

const rate_tier = z.enum(RATE_TIERS).openapi({
  description: "Picks the limit of requests a minute. Above that of the calling key: bootstrap secret only.",
});

const daily_quota = z.int().min(1).max(KEY_QUOTA_MAX).nullable().openapi({
  description:
    "Requests a UTC day; null: no quota. In-flight requests may overshoot it. Above that of the calling key: bootstrap secret only.",
});

const expires_at = z.iso.datetime({ offset: true }).nullable().openapi({
  description: "From then on the key is refused; null: never. After the end of the calling key: bootstrap secret only.",
  example: "2027-01-01T00:00:00Z",
});

export const keyCreation = z
  .strictObject({
    name,
    tenant: tenant.optional().openapi({ description: "Absent: the tenant of the calling key." }),
    scopes,
    rate_tier: rate_tier
      .optional()
      .openapi({ description: "Absent: `standard`, or that of the calling key if it is lower." }),
    daily_quota: daily_quota.optional().openapi({ description: "Requests a UTC day; null or absent: no quota." }),
    expires_at: expires_at
      .optional()
      .openapi({ description: "From then on the key is refused; null: never. Absent: when the calling key is." }),
  })
  .openapi("KeyCreation");

export const keyChange = z
  .strictObject({
    name: name.optional(),
    scopes: scopes.optional(),
    rate_tier: rate_tier.optional(),
    daily_quota: daily_quota.optional(),
    expires_at: expires_at.optional(),
  })
  .refine((change) => Object.keys(change).length > 0, "name at least one field to change")
  .openapi("KeyChange", { minProperties: 1 });

export const keyView = z
  .object({
    id: z.string().openapi({ example: "0w2e8kqz4m1c" }),
    name: z.string(),
    tenant: z.string(),
    scopes: z.array(z.enum(SCOPES)),
    rate_tier,
    daily_quota: z.int().nullable(),
    created_at: z.iso.datetime(),
    expires_at: z.iso.datetime().nullable(),
    revoked_at: z.iso.datetime().nullable(),
  })
  .openapi("Key");

export const createdKey = keyView
  .extend({ key: z.string().openapi({ description: "The key itself. It is shown here and never again." }) })
  .openapi("CreatedKey");

export const keyPage = z
  .object({
    keys: z.array(keyView),
    next_cursor: nextCursor,
  })
  .openapi("KeyPage");

export const keyListQuery = z.strictObject({
  limit: wholeNumber(KEY_PAGE_MAX).default(KEY_PAGE_DEFAULT),
  cursor: cursorOf(/^\d{1,15}\.[a-z0-9]{1,80}$/),
});

const KEY_ID = new RegExp(`^[0-9a-z]{${KEY_ID_CHARS}}$`);
export const keyPath = z.object({ id: z.string().regex(KEY_ID, `${KEY_ID_CHARS} lower-case letters or digits`) });
