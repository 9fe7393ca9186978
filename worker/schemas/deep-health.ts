/** What `/health/deep` tells of every dependency. */
import { z } from "@hono/zod-openapi";

/** In the order in which they are told: what others need comes first. */
export const CHECKS = [
  "database",
  "database_write",
  "tables",
  "full_text",
  "vectorize",
  "vector_parity",
  "packs",
  "kv",
  "ai",
  "queue",
  "auth",
  "meter",
  "alerts",
  "status",
  "audit_archive",
  "cron",
] as const;
export type CheckName = (typeof CHECKS)[number];

const checkStatus = z.enum(["healthy", "degraded", "unhealthy", "unknown"]).openapi({
  description: "`unknown`: it could not be judged, because of another check that failed, or because it is too early.",
});
export type CheckStatus = z.infer<typeof checkStatus>;

const deepCheck = z
  .object({
    status: checkStatus,
    latency_ms: z.number(),
    test: z.string().openapi({ description: "What was done." }),
    detail: z.string().nullable().openapi({ description: "Why it is not healthy." }),
    facts: z.record(z.string(), z.union([z.string(), z.number(), z.null()])),
  })
  .openapi("DeepCheck");
export type DeepCheck = z.infer<typeof deepCheck>;

export const deepHealth = z
  .object({
    status: z.enum(["healthy", "degraded", "unhealthy"]).openapi({
      description: "`unhealthy`: questions cannot be answered. `degraded`: something else is broken.",
    }),
    version: z.string(),
    timestamp: z.iso.datetime(),
    duration_ms: z.number(),
    broken: z.array(z.enum(CHECKS)).openapi({ description: "The checks that are degraded or unhealthy." }),
    checks: z.object(
      Object.fromEntries(CHECKS.map((name) => [name, deepCheck])) as Record<CheckName, typeof deepCheck>,
    ),
  })
  .openapi("DeepHealth");
export type DeepHealth = z.infer<typeof deepHealth>;
