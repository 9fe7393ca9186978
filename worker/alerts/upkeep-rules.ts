/** Rules on the work that keeps the service safe, and on the alerts themselves; and the watchdog's. */
import { ALERT_STEP_MISSED_MIN } from "../limits.ts";
import type { AlertRule } from "./rule.ts";
import { critical, FACT, warning } from "./rule-drafts.ts";

const MISSED_S = ALERT_STEP_MISSED_MIN * 60;

export const UPKEEP_RULES: readonly AlertRule[] = [
  critical(
    { id: "backup-old", summary: "The last backup is older than 26 hours", runbook: "failed-backup", ...FACT },
    { metric: "backup_age_h", is: ">", value: 26 },
  ),
  critical(
    {
      id: "drill-failed",
      summary: "The last drill failed: the backups may not restore",
      runbook: "failed-backup",
      ...FACT,
    },
    { metric: "job_failed", where: { job: "drill" }, is: ">", value: 0 },
  ),
  warning(
    { id: "job-failed", summary: "A scheduled job failed", runbook: "failed-job", dedup: ["job"], ...FACT },
    { metric: "job_failed", is: ">", value: 0 },
  ),
  critical(
    {
      id: "schedule-missed",
      summary: "A scheduled job did not report in time",
      runbook: "failed-job",
      dedup: ["job"],
      ...FACT,
    },
    { metric: "job_late_s", is: ">", value: 0 },
  ),
  critical(
    { id: "audit-chain", summary: "The audit chain is broken", runbook: "audit-chain-broken", ...FACT },
    { metric: "audit_chain_broken", is: ">", value: 0 },
  ),
  critical(
    {
      id: "watchdog-silent",
      summary: "The watchdog does not ask any more",
      runbook: "watchdog-silent",
      // It asks every 5 minutes. Twice: what a Worker that was dead has not heard, it hears before it is evaluated again.
      for_min: 5,
      ...FACT,
    },
    { metric: "watchdog_age_s", is: ">", value: MISSED_S },
  ),
  critical(
    {
      id: "channel-failing",
      summary: "A channel takes no alerts",
      runbook: "alert-channel-down",
      dedup: ["channel"],
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
    { id: "worker-dead", summary: "The Worker gives no answer", runbook: "complete-outage", ...FACT },
    { metric: "worker_dead", is: ">", value: 0 },
  ),
  critical(
    { id: "cron-stopped", summary: "The Worker's cron evaluates no alerts", runbook: "cron-stopped", ...FACT },
    { metric: "evaluation_age_s", is: ">", value: MISSED_S },
  ),
  critical(
    {
      id: "alert-state-broken",
      summary: "The Worker cannot read its alert state",
      runbook: "alert-state-broken",
      ...FACT,
    },
    { metric: "alert_state_broken", is: ">", value: 0 },
  ),
];
