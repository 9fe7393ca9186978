/** Rules and clauses in the words in which `rules.ts` states them. */
import type { AlertRule, Clause } from "./rule.ts";

type Draft = Pick<AlertRule, "id" | "summary" | "runbook"> & Partial<AlertRule>;

const windowed =
  (is: Clause["is"]) =>
  (metric: Clause["metric"], window_min: number, value: number): Clause => ({ metric, window_min, is, value });
export const over = windowed(">");
export const atLeast = windowed(">=");
export const under = windowed("<");

/** For what is a fact at each moment: the alert ends with it at once, and where nothing is known of it nothing changes. */
export const FACT = { missing: "keep", resolve: { after_min: 0 } } as const;

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
