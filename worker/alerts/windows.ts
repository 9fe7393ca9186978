/** From what the meter counted in the last minutes to readings of windowed metrics. Pure. */
import { USD_PER_1000_NEURONS } from "../../infra/cloudflare-limits.ts";
import type { SeriesTally } from "../ground/meter.ts";
import { countUpTo, quantile } from "../ground/sketch.ts";
import { addTally, labelled, ratio, type Tally } from "../ground/tally.ts";
import { SLOW_REQUEST_MS } from "../limits.ts";
import type { METRICS, MetricName, Reading } from "./metrics.ts";
import type { AlertRule } from "./rule.ts";

/** What was counted from one minute (since the epoch) to before another, as one tally. */
export interface Slice {
  from_minute: number;
  to_minute: number;
  tally: Tally;
}

/** Counts by bucket, in a tally of a slice; they are dropped from old ones. */
const DURATIONS = { requests: "duration", messages: "message_duration" } as const;

/** The figures that rules need of the meter's series; names of their own where the meter's need its labels. */
export function sliceTally(series: readonly SeriesTally[]): Tally {
  const sum: Tally = {};
  for (const { series: one, tally } of series) {
    const { units = 0 } = tally;
    const all = Object.entries(tally).filter(
      ([name]) => !/^(units|duration_ms|cold_start|duration\/.*|colo\/.*|model\/.*)$/.test(name),
    );
    addTally(sum, Object.fromEntries(all));
    if (one.kind === "request") {
      const durations = labelled(tally, "duration");
      const slow = units - countUpTo(counts(durations), SLOW_REQUEST_MS);
      const failed = one.outcome === "failed" ? units : 0;
      const refused = one.status_code === 401 ? units : 0;
      const throttled = one.status_code === 429 ? units : 0;
      addTally(sum, { requests: units, failed, slow, refused, throttled, ...prefixed(DURATIONS.requests, durations) });
    }
    if (one.kind === "message" && one.endpoint.startsWith("queue/"))
      addTally(sum, prefixed(DURATIONS.messages, labelled(tally, "duration")));
  }
  return sum;
}

/** A slice without what only short windows need. */
export function withoutDurations(tally: Tally): Tally {
  const prefixes = Object.values(DURATIONS).map((name) => `${name}/`);
  return Object.fromEntries(
    Object.entries(tally).filter(([name]) => !prefixes.some((prefix) => name.startsWith(prefix))),
  );
}

/** Windows, in minutes, that these rules look at. */
export function windowsOf(rules: readonly AlertRule[]): number[] {
  const windows = rules.flatMap(({ condition }) =>
    "all" in condition ? condition.all.flatMap(({ window_min }) => window_min ?? []) : [],
  );
  return [...new Set(windows)].sort((a, b) => a - b);
}

/** Readings of every windowed metric that has a value in each window (ascending) that ends before `to_minute`. Slices: oldest first. */
export function windowReadings(slices: readonly Slice[], windows: readonly number[], to_minute: number): Reading[] {
  const sum: Tally = {};
  let next = slices.length - 1;
  // A longer window is the shorter one and what lies before it.
  return windows.flatMap((window_min) => {
    for (let slice = slices[next]; slice && slice.from_minute >= to_minute - window_min; slice = slices[next]) {
      addTally(sum, slice.tally);
      next -= 1;
    }
    const whole = Object.entries(figures(sum, window_min)).flatMap(([metric, value]): Reading[] =>
      value === null ? [] : [{ metric: metric as MetricName, window_min, labels: {}, value }],
    );
    return [...whole, ...callReadings(sum, window_min)];
  });
}

/** How many calls failed, and which share of them, by kind; nothing of a kind that nobody called. */
function callReadings(sum: Tally, window_min: number): Reading[] {
  return (["vector", "ai"] as const).flatMap((dependency) =>
    labelled(sum, `${dependency}_calls`).flatMap(([call, made]): Reading[] => {
      const failed = sum[`${dependency}_errors/${call}`] ?? 0;
      return [
        { metric: `${dependency}_errors`, window_min, labels: { call }, value: failed },
        { metric: `${dependency}_error_ratio`, window_min, labels: { call }, value: failed / made },
      ];
    }),
  );
}

type Windowed = {
  [Name in MetricName]: (typeof METRICS)[Name] extends { windowed: true; labels: readonly [] } ? Name : never;
}[MetricName];

/** Null: there was nothing to measure, which no rule must mistake for nought. */
function figures(sum: Tally, window_min: number): Record<Windowed, number | null> {
  const { requests = 0, failed = 0, slow = 0, refused = 0, throttled = 0 } = sum;
  const { tokens_in = 0, tokens_out = 0, tokens_saved = 0 } = sum;
  const { neurons = 0, database_errors = 0 } = sum;
  const { miss = 0, bypass: _, ...hits } = Object.fromEntries(labelled(sum, "cache")) as Record<string, number>;
  const found = Object.values(hits).reduce((total, count) => total + count, 0);
  const tokens = tokens_in + tokens_out;
  return {
    requests,
    failed_requests: failed,
    error_ratio: ratio(failed, requests),
    slow_requests: slow,
    slow_ratio: ratio(slow, requests),
    p95_ms: quantile(counts(labelled(sum, DURATIONS.requests)), 0.95),
    auth_failures: refused,
    throttled,
    database_errors_per_minute: database_errors / window_min,
    cache_lookups: found + miss,
    cache_hit_ratio: ratio(found, found + miss),
    work_p95_ms: quantile(counts(labelled(sum, DURATIONS.messages)), 0.95),
    tokens,
    token_saving_ratio: ratio(tokens_saved, tokens_saved + tokens_in),
    usd_per_1k_tokens: tokens === 0 ? null : (neurons * USD_PER_1000_NEURONS) / tokens,
  };
}

function counts(byBucket: readonly [string, number][]): Map<number, number> {
  return new Map(byBucket.map(([bucket, count]) => [Number(bucket), count]));
}

function prefixed(label: string, byBucket: readonly [string, number][]): Tally {
  return Object.fromEntries(byBucket.map(([bucket, count]) => [`${label}/${bucket}`, count]));
}
