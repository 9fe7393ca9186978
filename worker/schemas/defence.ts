/** The mode and the blocklist as the API takes and shows them. */
import { z } from "@hono/zod-openapi";
import { MODES } from "../ground/mode.ts";
import { readNetwork } from "../ground/network.ts";
import { RATE_TIERS } from "../ground/principal.ts";
import { REASON_CHARS_MAX } from "../limits.ts";
import { SHOWN, shownText } from "./documents.ts";
import { PERIODS } from "./metrics.ts";

const reason = shownText
  .min(1)
  .max(REASON_CHARS_MAX)
  .openapi({ pattern: SHOWN, description: "For humans: why.", example: "ticket 4711" });
const mode = z.enum(MODES).openapi({
  description:
    "`degraded`: no models for callers. `maintenance`: documents cannot be changed. `emergency`: admin keys only.",
});
const rate_tier_max = z
  .enum(RATE_TIERS)
  .nullable()
  .openapi({ description: "No key but those of admins has a higher tier; null: each has its own." });

export const modeChange = z
  .strictObject({ mode, reason, rate_tier_max: rate_tier_max.default(null) })
  .openapi("ModeChange", { example: { mode: "normal", reason: "ticket 4711", rate_tier_max: null } });

export const modeView = z
  .object({
    mode,
    rate_tier_max,
    reason: z.string(),
    since: z.iso.datetime().nullable().openapi({ description: "Null: it was never changed." }),
    by: z.string().describe("The id of the key that set it."),
  })
  .openapi("Mode");

export const blockPath = z.object({
  ip: z
    .string()
    .refine((text) => readNetwork(text) !== null, "must be an IPv4 or IPv6 address, or a network as 203.0.113.0/24")
    .openapi({
      param: { name: "ip", in: "path" },
      description: "An IPv4 or IPv6 address, or a network of them as `203.0.113.0/24`; its slash percent-encoded.",
      pattern: "^[0-9A-Fa-f.:]+(/\\d{1,3})?$",
      example: "203.0.113.7",
    }),
});

export const blockRequest = z
  .strictObject({
    reason,
    expires_at: z.iso.datetime({ offset: true }).nullable().default(null).openapi({
      description: "Until when; null: until it is lifted.",
      example: "2027-01-01T00:00:00Z",
    }),
  })
  .openapi("BlockRequest");

export const blockView = z
  .object({
    network: z.string().openapi({ example: "203.0.113.0/24" }),
    reason: z.string(),
    blocked_at: z.iso.datetime(),
    blocked_by: z.string().describe("The id of the key that blocked it."),
    expires_at: z.iso.datetime().nullable(),
  })
  .openapi("Block");

export const blocksView = z.object({ blocks: z.array(blockView) }).openapi("Blocks");

const counts = z.record(z.string(), z.int());

export const securityMetrics = z
  .object({
    period: z.enum(PERIODS),
    mode,
    blocks: z.int().openapi({ description: "Networks that are blocked now." }),
    auth_failures: z.object({
      total: z.int(),
      by_kind: counts.openapi({ example: { "unknown key": 3, "wrong secret": 1 } }),
    }),
    blocked: z.int().openapi({ description: "Requests of blocked addresses." }),
    throttled: z.int().openapi({ description: "Requests refused for failed authentications, rate limits and quotas." }),
    refusals: counts.openapi({
      description: "Refused requests by the name of the problem.",
      example: { "missing-scope": 2 },
    }),
    anomalous_keys: z.array(
      z.object({
        key_id: z.string(),
        sign: z.enum(["burst", "failing"]).openapi({
          description:
            "`burst`: far more requests in the last hour than in a mean hour before. `failing`: many that the service failed.",
        }),
        requests_last_hour: z.int(),
        mean_requests_an_hour: z.number(),
        errors_last_hour: z.int(),
      }),
    ),
    key_use: z.object({ since: z.iso.date().nullable(), last_used: z.record(z.string(), z.iso.date()) }).openapi({
      description: "The day of each key's last use. What was before `since` nobody noted; null: no key was used yet.",
    }),
  })
  .openapi("SecurityMetrics");
export type SecurityMetrics = z.infer<typeof securityMetrics>;
