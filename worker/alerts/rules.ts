/**
 * All rules, checked. Each threshold stands in the files that this one puts together and nowhere else; Prometheus rules, the
 * dashboard and the tests derive from them.
 */
import { BUSINESS_RULES, CHANGE_RULES } from "./business-rules.ts";
import { type AlertRule, alertRule } from "./rule.ts";
import { SERVICE_RULES } from "./service-rules.ts";
import { SLO_RULES } from "./slo-rules.ts";
import { UPKEEP_RULES, WATCHDOG_DRAFTS } from "./upkeep-rules.ts";

/** The watchdog's own: it evaluates these and no others. */
export const WATCHDOG_RULES: readonly AlertRule[] = WATCHDOG_DRAFTS.map((one) => alertRule.parse(one));

/** What the Worker's cron evaluates. */
export const RULES: readonly AlertRule[] = [
  ...SERVICE_RULES,
  ...UPKEEP_RULES,
  ...SLO_RULES,
  ...BUSINESS_RULES,
  ...CHANGE_RULES,
].map((one) => alertRule.parse(one));

export const ALL_RULES: readonly AlertRule[] = [...RULES, ...WATCHDOG_RULES];
