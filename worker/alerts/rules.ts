/**
 * All rules. `alertRule` checks them in the tests and in `ops alerts test`, not at every isolate's start. Each threshold stands in the
 * files that this one puts together and nowhere else; Prometheus rules, the dashboard and the tests derive from them.
 */
import { BUSINESS_RULES, CHANGE_RULES } from "./business-rules.ts";
import type { AlertRule } from "./rule.ts";
import { SERVICE_RULES } from "./service-rules.ts";
import { SLO_RULES } from "./slo-rules.ts";
import { UPKEEP_RULES, WATCHDOG_RULES } from "./upkeep-rules.ts";

/** What the Worker's cron evaluates. */
export const RULES: readonly AlertRule[] = [
  ...SERVICE_RULES,
  ...UPKEEP_RULES,
  ...SLO_RULES,
  ...BUSINESS_RULES,
  ...CHANGE_RULES,
];

export const ALL_RULES: readonly AlertRule[] = [...RULES, ...WATCHDOG_RULES];
