/**
 * The metrics that alert rules may name: where each comes from, and what it is in Prometheus.
 *
 * `windowed` ones are computed over the last minutes of what the meter counted (`windows.ts`); the others are readings of one
 * moment. `promql` gets a window such as `5m` and uses the names of `worker/operations/metric-families.ts`; it is null where
 * Prometheus does not see the metric, and only PRISM's own evaluator does. Data only.
 */

import { SLOW_REQUEST_MS } from "../limits.ts";

interface Metric {
  source: "meter" | "health" | "queue" | "database" | "heartbeat" | "alerts" | "watchdog";
  meaning: string;
  windowed: boolean;
  labels: readonly string[];
  promql: ((window: string) => string) | null;
}

/** By outcome alone, which is counted from nought on for each: of the others a series begins with its first requests. */
const REQUESTS = "prism_requests_by_outcome_total";
const FAILED = `${REQUESTS}{outcome="failed"}`;
const NOT_SLOW = `prism_request_duration_seconds_bucket{le="${SLOW_REQUEST_MS / 1_000}"}`;
const sum = (selector: string) => (window: string) => `sum(increase(${selector}[${window}]))`;
const ratio = (part: string, whole: string) => (window: string) =>
  `sum(increase(${part}[${window}])) / sum(increase(${whole}[${window}]))`;

const failed = (dependency: string) => (window: string) =>
  `sum by (call) (increase(prism_dependency_errors_total{dependency="${dependency}"}[${window}]))`;
const failures = (dependency: string) => (window: string) =>
  `${failed(dependency)(window)} / sum by (call) (increase(prism_dependency_calls_total{dependency="${dependency}"}[${window}]))`;

export const METRICS = {
  requests: meter("Requests", sum(REQUESTS)),
  failed_requests: meter("Requests that the service failed", sum(FAILED)),
  error_ratio: meter("Share of requests that the service failed", ratio(FAILED, REQUESTS)),
  slow_ratio: meter(
    "Share of requests that took longer than the latency objective",
    (window) =>
      `1 - sum(increase(${NOT_SLOW}[${window}])) / sum(increase(prism_request_duration_seconds_count[${window}]))`,
  ),
  slow_requests: meter(
    "Requests that took longer than the latency objective",
    (window) =>
      `sum(increase(prism_request_duration_seconds_count[${window}])) - sum(increase(${NOT_SLOW}[${window}]))`,
  ),
  p95_ms: meter(
    "95th percentile of the time to the end of an answer, in ms",
    (window) => `1000 * histogram_quantile(0.95, sum by (le) (rate(prism_request_duration_seconds_bucket[${window}])))`,
  ),
  auth_failures: meter("Requests refused for their credentials", sum("prism_credential_refusals_total")),
  throttled: meter("Requests refused for being too many", sum("prism_rate_limit_hits_total")),
  database_errors_per_minute: meter(
    "Failed queries of D1 a minute",
    (window) => `60 * sum(rate(prism_dependency_errors_total{dependency="database"}[${window}]))`,
  ),
  ai_errors: calls("Failed calls of models, by kind", failed("ai")),
  ai_error_ratio: calls("Share of calls of models that failed, by kind", failures("ai")),
  vector_errors: calls("Failed calls of Vectorize, by kind", failed("vectorize")),
  vector_error_ratio: calls("Share of calls of Vectorize that failed, by kind", failures("vectorize")),
  cache_lookups: meter("Answers looked for in the caches", sum('prism_cache_lookups_total{cache!="bypass"}')),
  cache_hit_ratio: meter(
    "Share of answers found in a cache",
    ratio('prism_cache_lookups_total{cache!~"miss|bypass"}', 'prism_cache_lookups_total{cache!="bypass"}'),
  ),
  work_p95_ms: meter(
    "95th percentile of the duration of a queue message, in ms",
    (window) =>
      `1000 * histogram_quantile(0.95, sum by (le) (rate(prism_work_duration_seconds_bucket{endpoint=~"queue/.*"}[${window}])))`,
  ),
  tokens: meter("Tokens sent to and received from models", sum('prism_tokens_total{direction=~"input|output"}')),
  token_saving_ratio: meter(
    "Tokens saved by the optimiser: saved / (saved + input)",
    ratio('prism_tokens_total{direction="saved"}', 'prism_tokens_total{direction=~"saved|input"}'),
  ),
  usd_per_1k_tokens: meter("Neurons at their price for 1000 tokens, in $", null),

  allowance_percent: gauge(
    "meter",
    "Used of what the plan allows: a UTC day's allowances, and what the database and the index may hold",
    ["resource"],
    () => "100 * (prism_allowance_used / prism_allowance_limit or prism_store_used / prism_store_limit)",
  ),
  user_errors: gauge("meter", "Requests of a key that the service failed in the last hour", ["key"]),
  active_users_change_percent: gauge("meter", "Keys in use in the last 7 days against the 7 days before, in %"),
  database_up: gauge("health", "1: D1 answers the light check of `/health`; 0: does not"),
  dependency_up: gauge("health", "1: Vectorize or KV answers the light check of `/health`; 0: does not", [
    "dependency",
  ]),
  disparity: gauge(
    "health",
    "1: what belongs together in the stores does not; looked at by samples, and once an hour more closely",
    ["check"],
  ),
  queue_depth: gauge("queue", "Messages waiting", ["queue"]),
  queue_oldest_s: gauge("queue", "Age of the oldest message waiting", ["queue"]),
  dead_letters: gauge("database", "Messages that failed for good and wait for somebody"),
  ratings: gauge("database", "Answers rated in the last 7 days, the newest thousand of them"),
  quality_mean: gauge("database", "Mean rating of these answers, 1 to 5"),
  backup_age_h: gauge("heartbeat", "Hours since the last successful `backup`"),
  job_late_s: gauge("heartbeat", "How long a job is past its due time and grace; 0: in time", ["job"]),
  job_failed: gauge("heartbeat", "1: the last run of a job failed", ["job"]),
  cpu_exceeded: gauge("heartbeat", "Invocations that Cloudflare ended for their CPU time, since the report before", [
    "by",
  ]),
  audit_chain_broken: gauge("heartbeat", "1: the audit chain does not verify", ["by"]),
  channel_failures: gauge("alerts", "Deliveries in a row that a channel did not take", ["channel"]),
  configuration_invalid: gauge("alerts", "1: the configuration of channels and rota cannot be read"),
  watchdog_age_s: gauge("alerts", "Seconds since the watchdog last asked for the Worker's health"),
  worker_dead: gauge("watchdog", "1: the Worker gives no answer"),
  evaluation_age_s: gauge("watchdog", "Seconds since the Worker's cron last evaluated the rules"),
  alert_state_broken: gauge("watchdog", "1: the Worker cannot read its alert state"),
} as const satisfies Record<string, Metric>;

export type MetricName = keyof typeof METRICS;
export const METRIC_NAMES = Object.keys(METRICS) as MetricName[];

/** Metrics that only somebody outside the Worker can measure; they come in with a heartbeat. */
export const REPORTED_METRICS = ["cpu_exceeded", "audit_chain_broken"] as const satisfies MetricName[];

export type Labels = Readonly<Record<string, string>>;

/** One value of one metric now. A windowed metric has a reading for each window. */
export interface Reading {
  metric: MetricName;
  /** Null for readings of a moment. */
  window_min: number | null;
  labels: Labels;
  value: number;
}

function meter(meaning: string, promql: Metric["promql"]) {
  return { source: "meter", meaning, windowed: true, labels: [], promql } as const;
}

/** Each kind of call for itself: one that works must not hide another that does not. */
function calls(meaning: string, promql: Metric["promql"]) {
  return { ...meter(meaning, promql), labels: ["call"] } as const;
}

function gauge<S extends Metric["source"]>(
  source: S,
  meaning: string,
  labels: readonly string[] = [],
  promql: Metric["promql"] = null,
) {
  return { source, meaning, windowed: false, labels, promql } as const;
}
