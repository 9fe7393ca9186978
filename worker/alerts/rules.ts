/**
 * The rules. Each threshold stands here and nowhere else; Prometheus rules, the dashboard and the tests derive from them.
 *
 * Ratios have a guard of absolute counts beside them: at three in the morning one failed request of two is no outage.
 */
import { type AlertRule, alertRule, type ChangeKind, type Clause } from "./rule.ts";
import { SLO_RULES } from "./slo-rules.ts";

type Window = Pick<Clause, "metric" | "window_min" | "is" | "value">;
type Draft = Pick<AlertRule, "id" | "summary" | "runbook"> & Partial<AlertRule>;

const over = (metric: Clause["metric"], window_min: number, value: number): Window => ({
  metric,
  window_min,
  is: ">",
  value,
});
const atLeast = (metric: Clause["metric"], window_min: number, value: number): Window => ({
  metric,
  window_min,
  is: ">=",
  value,
});
const under = (metric: Clause["metric"], window_min: number, value: number): Window => ({
  metric,
  window_min,
  is: "<",
  value,
});

const critical = (draft: Draft, ...all: Clause[]): AlertRule => rule("critical", "page", draft, all);
const warning = (draft: Draft, ...all: Clause[]): AlertRule => rule("warning", "mail", draft, all);

function rule(
  severity: AlertRule["severity"],
  channels: AlertRule["channels"],
  draft: Draft,
  all: Clause[],
): AlertRule {
  const usual = { for_min: 0, missing: "clear", dedup: [], resolve: { after_min: 5 } } as const;
  return { severity, channels, ...usual, condition: { all }, ...draft } as AlertRule;
}

const SERVICE_RULES: AlertRule[] = [
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
    { metric: "dependency_up", where: { dependency: "database" }, is: "<", value: 1 },
  ),
  critical(
    { id: "ai-unavailable", summary: "Models do not answer", runbook: "ai-unavailable" },
    atLeast("ai_error_ratio", 5, 0.5),
    atLeast("ai_errors", 5, 3),
  ),
  critical(
    {
      id: "vector-search",
      summary: "More than half of the calls of Vectorize fail",
      runbook: "vector-search-unavailable",
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
      for_min: 15,
    },
    under("cache_hit_ratio", 15, 0.7),
    atLeast("cache_lookups", 15, 100),
  ),
  warning(
    {
      id: "quota-high",
      summary: "More than 80 % of a day's allowance is used",
      runbook: "quota-running-out",
      dedup: ["resource"],
      missing: "keep",
    },
    { metric: "allowance_percent", is: ">", value: 80 },
  ),
  critical(
    {
      id: "quota-critical",
      summary: "More than 95 % of a day's allowance is used",
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
      summary: "A message has waited for more than 30 minutes",
      runbook: "ingestion-stuck",
      dedup: ["queue"],
      missing: "keep",
    },
    { metric: "queue_oldest_s", is: ">", value: 1_800 },
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
    {
      id: "dead-letters",
      summary: "Messages failed for good",
      runbook: "poison-message",
      missing: "keep",
      resolve: { after_min: 0 },
    },
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
    {
      id: "user-errors",
      summary: "A key met more than 5 errors in an hour",
      runbook: "high-error-rate",
      dedup: ["key"],
    },
    { metric: "user_errors", is: ">", value: 5 },
  ),
];

const UPKEEP_RULES: AlertRule[] = [
  critical(
    {
      id: "backup-old",
      summary: "The last backup is older than 26 hours",
      runbook: "failed-backup",
      missing: "keep",
      resolve: { after_min: 0 },
    },
    { metric: "backup_age_h", is: ">", value: 26 },
  ),
  critical(
    {
      id: "drill-failed",
      summary: "The last drill failed: the backups may not restore",
      runbook: "failed-backup",
      missing: "keep",
      resolve: { after_min: 0 },
    },
    { metric: "job_failed", where: { job: "drill" }, is: ">", value: 0 },
  ),
  warning(
    {
      id: "job-failed",
      summary: "A scheduled job failed",
      runbook: "failed-job",
      dedup: ["job"],
      missing: "keep",
      resolve: { after_min: 0 },
    },
    { metric: "job_failed", is: ">", value: 0 },
  ),
  critical(
    {
      id: "schedule-missed",
      summary: "A scheduled job did not report in time",
      runbook: "failed-job",
      dedup: ["job"],
      missing: "keep",
      resolve: { after_min: 0 },
    },
    { metric: "job_late_s", is: ">", value: 0 },
  ),
  critical(
    {
      id: "audit-chain",
      summary: "The audit chain is broken",
      runbook: "audit-chain-broken",
      missing: "keep",
      resolve: { after_min: 0 },
    },
    { metric: "audit_chain_broken", is: ">", value: 0 },
  ),
  critical(
    {
      id: "channel-failing",
      summary: "A channel takes no alerts",
      runbook: "alert-channel-down",
      dedup: ["channel"],
      missing: "clear",
      resolve: { after_min: 0 },
    },
    { metric: "channel_failures", is: ">=", value: 3 },
  ),
  warning(
    {
      id: "configuration-invalid",
      summary: "The configuration of alerts cannot be read",
      runbook: "alert-channel-down",
      resolve: { after_min: 0 },
    },
    { metric: "configuration_invalid", is: ">", value: 0 },
  ),
];

/** The watchdog's own: it evaluates these and no others. The Worker evaluates every 5 minutes: one missed run is enough. */
export const WATCHDOG_RULES: readonly AlertRule[] = [
  critical(
    {
      id: "worker-dead",
      summary: "The Worker gives no answer",
      runbook: "complete-outage",
      missing: "keep",
      resolve: { after_min: 0 },
    },
    { metric: "worker_dead", is: ">", value: 0 },
  ),
  critical(
    {
      id: "cron-stopped",
      summary: "The Worker's cron evaluates no alerts",
      runbook: "cron-stopped",
      missing: "keep",
      resolve: { after_min: 0 },
    },
    { metric: "evaluation_age_s", is: ">", value: 360 },
  ),
  critical(
    {
      id: "alert-state-broken",
      summary: "The Worker cannot read its alert state",
      runbook: "alert-state-broken",
      missing: "keep",
      resolve: { after_min: 0 },
    },
    { metric: "alert_state_broken", is: ">", value: 0 },
  ),
].map((one) => alertRule.parse(one));

const DAY_MIN = 1_440;
const BUSINESS_RULES: AlertRule[] = [
  warning(
    {
      id: "token-saving",
      summary: "The optimiser saves less than 30 % of the tokens",
      runbook: "business-figures",
      for_min: 60,
    },
    under("token_saving_ratio", DAY_MIN, 0.3),
    atLeast("tokens", DAY_MIN, 100_000),
  ),
  warning(
    { id: "token-cost", summary: "1000 tokens cost more than $0.05", runbook: "business-figures", for_min: 60 },
    over("usd_per_1k_tokens", DAY_MIN, 0.05),
    atLeast("tokens", DAY_MIN, 10_000),
  ),
  warning(
    { id: "availability", summary: "Less than 99 % of a day's requests succeeded", runbook: "high-error-rate" },
    over("error_ratio", DAY_MIN, 0.01),
    atLeast("failed_requests", DAY_MIN, 20),
  ),
  warning(
    {
      id: "quality",
      summary: "Answers are rated below 3.5",
      runbook: "business-figures",
      missing: "keep",
      for_min: 60,
    },
    { metric: "quality_mean", is: "<", value: 3.5 },
    { metric: "ratings", is: ">=", value: 10 },
  ),
  warning(
    {
      id: "active-users",
      summary: "Active users fell by more than 10 % in a week",
      runbook: "business-figures",
      missing: "keep",
      for_min: 60,
    },
    { metric: "active_users_change_percent", is: "<", value: -10 },
  ),
];

const CHANGES: [ChangeKind, string][] = [
  ["deploy", "Another version serves"],
  ["backup", "A backup was made"],
  ["scale", "Capacity was changed"],
  ["incident", "An incident was opened or changed"],
  ["cloudflare", "Cloudflare has something to say"],
];
const CHANGE_RULES: AlertRule[] = CHANGES.map(([change, summary]) => ({
  ...rule(
    "info",
    "quiet",
    { id: `change-${change}`, summary, runbook: change === "deploy" ? "bad-deployment" : null },
    [],
  ),
  condition: { change },
}));

/** What the Worker's cron evaluates. */
export const RULES: readonly AlertRule[] = [
  ...SERVICE_RULES,
  ...UPKEEP_RULES,
  ...SLO_RULES,
  ...BUSINESS_RULES,
  ...CHANGE_RULES,
].map((one) => alertRule.parse(one));

export const ALL_RULES: readonly AlertRule[] = [...RULES, ...WATCHDOG_RULES];
