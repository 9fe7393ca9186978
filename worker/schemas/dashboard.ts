/** What the dashboard draws over time. */
import { z } from "@hono/zod-openapi";
import { latency, PERIODS } from "./metrics.ts";

export const requestSeries = z
  .object({
    period: z.enum(PERIODS),
    step_minutes: z.int(),
    steps: z.array(
      z.object({
        at: z.iso.datetime().openapi({ description: "When the step begins." }),
        requests: z.int(),
        errors: z.int(),
        p50_latency_ms: latency,
        p95_latency_ms: latency,
        cache_hit_rate: z.number().nullable().openapi({ description: "Null where nothing was looked for." }),
        tokens_sent: z.int(),
        tokens_saved: z.int(),
      }),
    ),
  })
  .openapi("RequestSeries");
export type RequestSeries = z.infer<typeof requestSeries>;
