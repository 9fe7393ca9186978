/** Health answers. The shape is what clients of the old system know. */
import { z } from "@hono/zod-openapi";

const serviceStatus = z.enum(["healthy", "degraded", "unhealthy"]);

export const health = z
  .object({
    status: serviceStatus,
    version: z.string(),
    timestamp: z.iso.datetime(),
    uptime: z.number().openapi({ description: "Seconds since this isolate started." }),
    services: z.object({
      database: z.object({ status: serviceStatus, latency_ms: z.number() }),
      vectorize: z.object({ status: serviceStatus, index_size: z.number().int(), dimensions: z.number().int() }),
      kv: z.object({ status: serviceStatus, hit_rate: z.number() }),
      ai: z.object({ status: serviceStatus, model: z.string() }),
    }),
    alerts: z.object({ status: serviceStatus, evaluated_at: z.iso.datetime().nullable() }).openapi({
      description:
        "Whether the alert rules are being evaluated: the watchdog looks here. Callers lack nothing without.",
    }),
  })
  .openapi("Health");
export type Health = z.infer<typeof health>;

const check = z.enum(["pass", "fail"]);
export const readiness = z
  .object({ ready: z.boolean(), checks: z.object({ database: check, vectorize: check, kv: check, ai: check }) })
  .openapi("Readiness");

export const liveness = z.object({ status: z.literal("alive") }).openapi("Liveness");
