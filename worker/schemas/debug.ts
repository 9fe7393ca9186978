/** What an operator who looks for a fault wants to see of the inside; never a secret, never a document's text. */
import { z } from "@hono/zod-openapi";
import { deepHealth } from "./deep-health.ts";
import { advice, queueBacklogs, slowStatements } from "./monitoring.ts";

export const environment = z
  .object({
    version: z.string(),
    bindings: z.record(z.string(), z.boolean()),
    variables: z.record(z.string(), z.boolean()),
    secrets: z.record(z.string(), z.boolean()),
  })
  .openapi("Environment", { description: "Names, and whether each is there and not empty. No values." });

const check = deepHealth.shape.checks.shape.database;
export const databaseHealth = z
  .object({
    checks: z.object({ database: check, database_write: check, tables: check, full_text: check }),
    size_bytes: z.int(),
    migrations: z.array(z.string()),
    fence: z.enum(["none", "up", "lifted"]),
  })
  .openapi("DatabaseHealth");

export const performanceState = z
  .object({
    isolate: z.object({
      cached_answers: z.int(),
      cache_evictions: z.int(),
      circuits: z.record(z.string(), z.enum(["open", "closed"])),
    }),
    last_hour: z.object({
      cold_starts: z.int(),
      waited_ms: z
        .record(z.string(), z.number())
        .openapi({ description: "For each dependency, all requests together." }),
      errors: z.record(z.string(), z.int()),
    }),
    slow_statements: slowStatements,
    index_advice: advice,
  })
  .openapi("PerformanceState", { description: "`isolate` is the one that answered." });

export const rateLimitStatus = z
  .object({
    policies: z.record(z.string(), z.object({ limit: z.int(), period_s: z.int() })),
    refused_last_hour: z.array(z.object({ endpoint: z.string(), count: z.int() })),
  })
  .openapi("RateLimitStatus");

export const queueStatus = z
  .object({
    queues: queueBacklogs,
    dead_letters: z
      .array(
        z.object({
          id: z.string(),
          queue: z.string(),
          type: z.string(),
          attempts: z.int(),
          failed_at: z.iso.datetime(),
        }),
      )
      .openapi({ description: "The newest. Without their content." }),
  })
  .openapi("QueueStatus");
export type QueueStatus = z.infer<typeof queueStatus>;
