/**
 * Rules on what callers meet and on what it depends. Ratios have a guard of absolute counts beside them: at three in the morning
 * one failed request of two is no outage.
 */
import { MINUTE_MS } from "../ground/time.ts";
import { QUEUE_STUCK_AFTER_MS } from "../limits.ts";
import type { AlertRule } from "./rule.ts";
import { atLeast, critical, FACT, over, under, warning } from "./rule-drafts.ts";

export const SERVICE_RULES: readonly AlertRule[] = [
  critical(
    { id: "error-rate", summary: "More than 1 % of requests fail", runbook: "high-error-rate" },
    over("error_ratio", 5, 0.01),
    atLeast("failed_requests", 5, 5),
  ),
  warning(
    { id: "latency", summary: "The 95th percentile is above 2 s", runbook: "slow-responses" },
    over("p95_ms", 5, 2_000),
    atLeast("requests", 5, 20),
  ),
  critical(
    { id: "database-errors", summary: "D1 fails more than 10 times a minute", runbook: "d1-unavailable" },
    over("database_errors_per_minute", 5, 10),
  ),
  critical(
    { id: "database-down", summary: "D1 does not answer", runbook: "d1-unavailable" },
    { metric: "database_up", is: "<", value: 1 },
  ),
  critical(
    { id: "ai-unavailable", summary: "Models do not answer", runbook: "ai-unavailable", dedup: ["call"] },
    atLeast("ai_error_ratio", 5, 0.5),
    atLeast("ai_errors", 5, 3),
  ),
  critical(
    {
      id: "vector-search",
      summary: "More than half of the calls of Vectorize fail",
      runbook: "vector-search-unavailable",
      dedup: ["call"],
    },
    over("vector_error_ratio", 5, 0.5),
    atLeast("vector_errors", 5, 3),
  ),
  warning(
    {
      id: "dependency-down",
      summary: "Vectorize or KV does not answer",
      runbook: "vector-search-unavailable",
      dedup: ["dependency"],
      for_min: 5,
    },
    { metric: "dependency_up", is: "<", value: 1 },
  ),
  warning(
    {
      id: "cache-hits",
      summary: "Less than 70 % of answers come from a cache",
      runbook: "cache-degraded",
      // Three windows in a row: a quarter of an hour, of which no five minutes were good.
      for_min: 10,
    },
    under("cache_hit_ratio", 5, 0.7),
    atLeast("cache_lookups", 15, 100),
  ),
  warning(
    {
      id: "quota-high",
      summary: "More than 80 % of what the plan allows is used",
      runbook: "quota-running-out",
      dedup: ["resource"],
      missing: "keep",
    },
    { metric: "allowance_percent", is: ">", value: 80 },
  ),
  critical(
    {
      id: "quota-critical",
      summary: "More than 95 % of what the plan allows is used",
      runbook: "quota-running-out",
      dedup: ["resource"],
      missing: "keep",
    },
    { metric: "allowance_percent", is: ">", value: 95 },
  ),
  critical(
    { id: "cpu-exceeded", summary: "Cloudflare ends invocations for their CPU time", runbook: "slow-responses" },
    { metric: "cpu_exceeded", is: ">", value: 0 },
  ),
  warning(
    {
      id: "queue-depth",
      summary: "More than 1000 messages wait",
      runbook: "ingestion-stuck",
      dedup: ["queue"],
      for_min: 5,
      missing: "keep",
    },
    { metric: "queue_depth", is: ">", value: 1_000 },
  ),
  warning(
    {
      id: "queue-age",
      summary: `A message has waited for more than ${QUEUE_STUCK_AFTER_MS / MINUTE_MS} minutes`,
      runbook: "ingestion-stuck",
      dedup: ["queue"],
      missing: "keep",
    },
    { metric: "queue_oldest_s", is: ">", value: QUEUE_STUCK_AFTER_MS / 1_000 },
  ),
  warning(
    { id: "processing-slow", summary: "Queue messages take more than 30 s", runbook: "ingestion-stuck" },
    over("work_p95_ms", 15, 30_000),
  ),
  critical(
    { id: "processing-stuck", summary: "Queue messages take more than 120 s", runbook: "ingestion-stuck" },
    over("work_p95_ms", 15, 120_000),
  ),
  warning(
    { id: "dead-letters", summary: "Messages failed for good", runbook: "poison-message", ...FACT },
    { metric: "dead_letters", is: ">", value: 0 },
  ),
  warning(
    {
      id: "auth-failures",
      summary: "More than 100 requests in 5 minutes had wrong credentials",
      runbook: "suspicious-activity",
    },
    over("auth_failures", 5, 100),
  ),
  warning(
    { id: "throttled", summary: "More than 100 requests in 5 minutes were too many", runbook: "abusive-client" },
    over("throttled", 5, 100),
  ),
  warning(
    {
      id: "index-disparity",
      summary: "Chunks, words and vectors do not belong together",
      runbook: "search-wrong",
      dedup: ["check"],
      ...FACT,
    },
    { metric: "disparity", is: ">", value: 0 },
  ),
  warning(
    {
      id: "user-errors",
      summary: "A key met more than 5 errors in an hour",
      runbook: "high-error-rate",
      dedup: ["key"],
    },
    { metric: "user_errors", is: ">", value: 5 },
  ),
];
