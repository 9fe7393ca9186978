/**
 * Objectives over 30 days, and alerts on how fast their error budgets burn: multi-window, multi-burn-rate, as
 * https://sre.google/workbook/alerting-on-slos/ recommends (table 5-8). A short window beside each long one ends an alert soon
 * after the errors end; a least count of bad requests keeps a service with little traffic from paging for one of them.
 */
import type { MetricName } from "./metrics.ts";
import type { AlertRule } from "./rule.ts";
import { atLeast, critical, over, warning } from "./rule-drafts.ts";

interface Objective {
  id: string;
  /** Share of requests that must be good. */
  target: number;
  bad_ratio: MetricName;
  bad_count: MetricName;
  what: string;
  runbook: string;
}

/** `limits.ts` says what slow means (`SLOW_REQUEST_MS`). */
const OBJECTIVES: readonly Objective[] = [
  {
    id: "availability",
    target: 0.995,
    bad_ratio: "error_ratio",
    bad_count: "failed_requests",
    what: "fail",
    runbook: "high-error-rate",
  },
  {
    id: "latency",
    target: 0.99,
    bad_ratio: "slow_ratio",
    bad_count: "slow_requests",
    what: "are slow",
    runbook: "slow-responses",
  },
];

/** Budget of 30 days that is burnt when each fires: 2 %, 5 %, 10 %, 10 %. */
const BURNS = [
  { name: "fast", burn: 14.4, long_min: 60, short_min: 5, level: critical },
  { name: "quick", burn: 6, long_min: 360, short_min: 30, level: critical },
  { name: "steady", burn: 3, long_min: 1_440, short_min: 120, level: warning },
  { name: "slow", burn: 1, long_min: 4_320, short_min: 360, level: warning },
] as const;

/** Bad requests in the long window below which nobody is told. */
const BAD_LEAST = 10;

export const SLO_RULES: readonly AlertRule[] = OBJECTIVES.flatMap(
  ({ id, target, bad_ratio, bad_count, what, runbook }) =>
    BURNS.map(({ name, burn, long_min, short_min, level }): AlertRule => {
      // Without what is lost in binary: people read it.
      const value = Number((burn * (1 - target)).toPrecision(6));
      const pace = burn === 1 ? "faster than" : `${burn} times as fast as`;
      const summary = `So many requests ${what} that the budget of the objective of ${target * 100} % burns ${pace} it may`;
      return level(
        { id: `slo-${id}-${name}`, summary, runbook },
        over(bad_ratio, long_min, value),
        over(bad_ratio, short_min, value),
        atLeast(bad_count, long_min, BAD_LEAST),
      );
    }),
);
