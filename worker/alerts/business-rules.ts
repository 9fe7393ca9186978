/** Rules on whether the service is worth its cost; and changes, which are told and over. */
import type { AlertRule, ChangeKind } from "./rule.ts";
import { atLeast, FACT, over, rule, under, warning } from "./rule-drafts.ts";

const DAY_MIN = 1_440;
/** Figures of a day or a week: whether they last they say themselves. */
export const BUSINESS_RULES: readonly AlertRule[] = [
  warning(
    { id: "token-saving", summary: "The optimiser saves less than 30 % of the tokens", runbook: "business-figures" },
    under("token_saving_ratio", DAY_MIN, 0.3),
    atLeast("tokens", DAY_MIN, 100_000),
  ),
  warning(
    { id: "token-cost", summary: "1000 tokens cost more than $0.05", runbook: "business-figures" },
    over("usd_per_1k_tokens", DAY_MIN, 0.05),
    atLeast("tokens", DAY_MIN, 10_000),
  ),
  warning(
    { id: "availability", summary: "Less than 99 % of a day's requests succeeded", runbook: "high-error-rate" },
    over("error_ratio", DAY_MIN, 0.01),
    atLeast("failed_requests", DAY_MIN, 20),
  ),
  warning(
    { id: "quality", summary: "Answers are rated below 3.5", runbook: "business-figures", missing: "keep" },
    { metric: "quality_mean", is: "<", value: 3.5 },
    { metric: "ratings", is: ">=", value: 10 },
  ),
  warning(
    {
      id: "active-users",
      summary: "Active users fell by more than 10 % in a week",
      runbook: "business-figures",
      // The figure of a week is read once an hour.
      ...FACT,
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
export const CHANGE_RULES: readonly AlertRule[] = CHANGES.map(([change, summary]) => ({
  ...rule(
    "info",
    "quiet",
    { id: `change-${change}`, summary, runbook: change === "deploy" ? "bad-deployment" : "announced-change" },
    [],
  ),
  condition: { change },
}));
