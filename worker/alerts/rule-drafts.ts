/** Rules and clauses in the words in which `rules.ts` states them. */
import type { AlertRule, Clause } from "./rule.ts";

type Window = Pick<Clause, "metric" | "window_min" | "is" | "value">;
type Draft = Pick<AlertRule, "id" | "summary" | "runbook"> & Partial<AlertRule>;

export const over = (metric: Clause["metric"], window_min: number, value: number): Window => ({
  metric,
  window_min,
  is: ">",
  value,
});
export const atLeast = (metric: Clause["metric"], window_min: number, value: number): Window => ({
  metric,
  window_min,
  is: ">=",
  value,
});
export const under = (metric: Clause["metric"], window_min: number, value: number): Window => ({
  metric,
  window_min,
  is: "<",
  value,
});

export const critical = (draft: Draft, ...all: Clause[]): AlertRule => rule("critical", "page", draft, all);
export const warning = (draft: Draft, ...all: Clause[]): AlertRule => rule("warning", "mail", draft, all);

export function rule(
  severity: AlertRule["severity"],
  channels: AlertRule["channels"],
  draft: Draft,
  all: Clause[],
): AlertRule {
  const usual = { for_min: 0, missing: "clear", dedup: [], resolve: { after_min: 5 } } as const;
  return { severity, channels, ...usual, condition: { all }, ...draft } as AlertRule;
}
