/** Reports of how the service does over time, and the baseline that they are compared with. */
import { z } from "@hono/zod-openapi";
import { allowance, byResource } from "./allowances.ts";
import { latency, PERIODS } from "./metrics.ts";

const figures = z
  .object({
    requests: z.int(),
    errors: z.int(),
    error_rate: z.number().min(0).max(1),
    p50_latency_ms: latency,
    p95_latency_ms: latency,
    p99_latency_ms: latency,
  })
  .openapi("Figures");
export type Figures = z.infer<typeof figures>;

const endpoints = z
  .array(figures.extend({ endpoint: z.string().openapi({ example: "POST /api/v1/search" }) }))
  .openapi({ description: "By route, the busiest first." });

export const baseline = z
  .object({ taken_at: z.iso.datetime(), period: z.enum(PERIODS), all: figures, endpoints })
  .openapi("Baseline");
export type Baseline = z.infer<typeof baseline>;

export const baselineUpdate = z
  .strictObject({ period: z.enum(PERIODS).default("24h").openapi({ description: "What it is taken from." }) })
  .openapi("BaselineUpdate");

const comparison = z
  .object({
    baseline_taken_at: z.iso.datetime(),
    baseline: z.object({ all: figures, endpoints }),
    regressions: z
      .array(z.object({ endpoint: z.string(), figure: z.string(), baseline: z.number(), now: z.number() }))
      .openapi({ description: "Figures half as bad again as in the baseline, of at least 50 requests." }),
  })
  .nullable()
  .openapi({ description: "Null before `POST /monitoring/baseline-update`." });
export type Comparison = NonNullable<z.infer<typeof comparison>>;

export const slowStatements = z
  .array(
    z.object({
      statement: z.string(),
      plan: z.string(),
      times: z.int(),
      max_ms: z.number(),
      last_at: z.iso.datetime(),
    }),
  )
  .openapi({ description: "Of D1, the slowest first, of all isolates; literals are left out." });

export const advice = z
  .array(z.object({ table: z.string(), rows: z.int(), statement: z.string(), advice: z.string() }))
  .openapi({ description: "Slow statements that read a whole table of a thousand rows and more." });
export type Advice = z.infer<typeof advice>[number];

export const performanceReport = z
  .object({
    period: z.enum(PERIODS),
    all: figures,
    endpoints,
    comparison,
    slow_statements: slowStatements,
    index_advice: advice,
  })
  .openapi("PerformanceReport");

const volume = z.array(z.object({ at: z.iso.datetime(), requests: z.int(), errors: z.int() }));
export const volumeReport = z
  .object({
    period: z.enum(PERIODS),
    total: z.int(),
    errors: z.int(),
    peak: z.object({ at: z.iso.datetime(), requests: z.int() }).nullable(),
    buckets: volume.openapi({
      description: "By the hour up to a day, by the day (UTC) beyond; empty ones are left out.",
    }),
  })
  .openapi("VolumeReport");

export const queueBacklogs = z.array(
  z.object({ name: z.string(), backlog: z.int(), backlog_bytes: z.int(), oldest_at: z.iso.datetime().nullable() }),
);

export const queueReport = z
  .object({
    queues: queueBacklogs,
    messages: z
      .array(z.object({ type: z.string(), outcome: z.string(), count: z.int() }))
      .openapi({ description: "Of the last day." }),
    dead_letters: z.int(),
    newest_dead_letter_at: z.iso.datetime().nullable(),
    open_parts: z.int().openapi({ description: "Parts of jobs that are not done." }),
    owed_vectors: z.int().openapi({ description: "Changes that Vectorize has not been sent." }),
    owed_since: z.iso.datetime().nullable(),
  })
  .openapi("QueueReport");

export const capacityReport = z
  .object({
    daily: z.object(byResource(allowance)),
    stores: z
      .array(
        z.object({
          store: z.string(),
          unit: z.string(),
          used: z.number(),
          limit: z.number(),
          usage_percentage: z.number(),
          added_last_7_days: z.number().nullable(),
          days_left: z
            .number()
            .nullable()
            .openapi({ description: "At the pace of the last seven days; null: not to be told." }),
        }),
      )
      .openapi({ description: "Of what the plan stores." }),
  })
  .openapi("CapacityReport");

export const weeklyReport = z
  .object({
    from: z.iso.datetime(),
    to: z.iso.datetime(),
    all: figures,
    endpoints,
    days: volume,
    tokens: z.object({ input: z.int(), output: z.int(), saved: z.int() }),
    quality: z.object({ rating_mean: z.number().nullable(), ratings: z.int() }),
    comparison,
    slow_statements: slowStatements,
    index_advice: advice,
  })
  .openapi("WeeklyReport");
