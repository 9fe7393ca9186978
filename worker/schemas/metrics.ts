/** `/metrics` as JSON. The shape is what clients of the old system know. */
import { z } from "@hono/zod-openapi";
import { allowance, byResource } from "./allowances.ts";

export const PERIODS = ["1h", "24h", "7d", "30d"] as const;
export const periodQuery = z.strictObject({ period: z.enum(PERIODS).default("24h") });
export const latency = z.number().nullable().openapi({ description: "Within 2 %; null where nothing was asked." });

export const metricsQuery = z.strictObject({
  period: z.enum(PERIODS).default("24h").openapi({
    description: "Of the JSON answer. Longer ones begin at a full hour. Prometheus gets counters since the beginning.",
  }),
  format: z
    .enum(["json", "prometheus"])
    .optional()
    .openapi({ description: "Absent: by `Accept`; JSON where that names neither." }),
});

const share = z.number().min(0).max(1);

export const metrics = z
  .object({
    period: z.enum(PERIODS),
    requests: z.object({
      total: z.int(),
      success: z.int(),
      error: z.int().openapi({ description: "That the service failed. Refusing a wrong request is success." }),
      success_rate: share,
    }),
    performance: z.object({
      p50_latency_ms: latency,
      p95_latency_ms: latency,
      p99_latency_ms: latency,
      avg_cpu_time_ms: z.null().openapi({ description: "A Worker cannot see it; Cloudflare's analytics have it." }),
    }),
    resources: z.object(byResource(allowance)).extend({ neurons_used: z.number(), neurons_limit: z.number() }).openapi({
      description:
        "What this service used this UTC day of what its plan allows the account a day. Others of the account, and operations by Cloudflare's API, are not in it.",
    }),
    cache: z.object({
      hit_rate: share,
      total_hits: z.int(),
      total_misses: z.int(),
      size: z.int().openapi({ description: "Answers in the memory of the isolate that was asked." }),
      evictions: z.int().openapi({ description: "By that isolate since it started." }),
    }),
    database: z.object({ queries: z.int(), errors: z.int(), avg_latency_ms: z.number().nullable() }),
    tokens: z.object({
      input: z.int(),
      output: z.int(),
      saved: z.int(),
      savings_percentage: z
        .number()
        .openapi({ description: "Of what the passages would have cost unoptimised: saved / (saved + input)." }),
    }),
  })
  .openapi("Metrics");
export type Metrics = z.infer<typeof metrics>;
