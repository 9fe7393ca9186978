/** How fast and how well the service has answered: figures of the meter's series, and what they are beside a baseline. Pure. */
import type { SeriesTally } from "../ground/meter.ts";
import { quantile } from "../ground/sketch.ts";
import { addTally, ratio, type Tally } from "../ground/tally.ts";
import { BASELINE_REQUESTS_MIN, BASELINE_WORSE_FACTOR } from "../limits.ts";
import type { Baseline, Comparison, Figures } from "../schemas/monitoring.ts";
import { durationsOf } from "./metric-families.ts";
import { total } from "./read-meter.ts";

function figuresOf(series: readonly SeriesTally[]): Figures {
  const all = total(series, () => true);
  const { units: failed = 0 } = total(series, ({ outcome }) => outcome === "failed");
  const { units = 0 } = all;
  const durations = durationsOf(all);
  return {
    requests: units,
    errors: failed,
    error_rate: ratio(failed, units) ?? 0,
    p50_latency_ms: quantile(durations, 0.5),
    p95_latency_ms: quantile(durations, 0.95),
    p99_latency_ms: quantile(durations, 0.99),
  };
}

/** Of all requests, and of each route, the busiest first. */
export function performanceOf(series: readonly SeriesTally[]): Pick<Baseline, "all" | "endpoints"> {
  const requests = series.filter((one) => one.series.kind === "request");
  const groups = Map.groupBy(requests, ({ series: { endpoint, method } }) => `${method} ${endpoint}`);
  const endpoints = [...groups].map(([endpoint, own]) => ({ endpoint, ...figuresOf(own) }));
  return { all: figuresOf(requests), endpoints: endpoints.sort((a, b) => b.requests - a.requests) };
}

/** What has become worse since the baseline; null without one. What was asked a few times proves nothing. */
export function compared(now: Pick<Baseline, "all" | "endpoints">, baseline: Baseline | null): Comparison | null {
  if (baseline === null) return null;
  const before = new Map(baseline.endpoints.map((one) => [one.endpoint, one]));
  const pairs = [
    { endpoint: "all", now: now.all, base: baseline.all },
    ...now.endpoints.map((one) => ({ endpoint: one.endpoint, now: one, base: before.get(one.endpoint) })),
  ];
  const regressions = pairs.flatMap(({ endpoint, now: current, base }) => {
    if (base === undefined || Math.min(current.requests, base.requests) < BASELINE_REQUESTS_MIN) return [];
    return (["p50_latency_ms", "p95_latency_ms", "p99_latency_ms", "error_rate"] as const).flatMap((figure) => {
      const [value, before_value] = [current[figure] ?? 0, base[figure] ?? 0];
      // A share of errors from nothing is worse by no factor: one in a hundred counts.
      const limit = Math.max(before_value * BASELINE_WORSE_FACTOR, figure === "error_rate" ? 0.01 : 0);
      return value > limit ? [{ endpoint, figure, baseline: before_value, now: value }] : [];
    });
  });
  const { taken_at, all, endpoints } = baseline;
  return { baseline_taken_at: taken_at, baseline: { all, endpoints }, regressions };
}

/** Sums of all series, by the hour or the day (UTC): the bucket's begin and what it adds up to. */
export function byTime(
  hours: readonly { hour: number; tally: Tally }[],
  span_hours: number,
): { at_ms: number; tally: Tally }[] {
  const sums = new Map<number, Tally>();
  for (const { hour, tally } of hours) {
    const bucket = hour - (hour % span_hours);
    const sum = sums.get(bucket) ?? {};
    sums.set(bucket, sum);
    addTally(sum, tally);
  }
  return [...sums].sort(([a], [b]) => a - b).map(([hour, tally]) => ({ at_ms: hour * 3_600_000, tally }));
}
