/** What the meter counted, as the metrics that Prometheus knows: base units, and labels of fixed sets. */
import { OUTCOMES, type Series, type SeriesTally } from "../ground/meter.ts";
import { countUpTo } from "../ground/sketch.ts";
import { addTally, labelled, type Tally } from "../ground/tally.ts";
import { CACHE_STATUSES } from "../store/answer-cache.ts";
import type { Family } from "../telemetry/open-metrics.ts";
import { LABELS } from "../telemetry/tally.ts";
import { COUNTED } from "../telemetry/timings.ts";

interface Counted {
  version: string;
  /** Since the beginning. */
  series: readonly SeriesTally[];
  in_flight: number;
  allowances: Record<string, { used: number; limit: number; runs_out_at: string | null }>;
  /** Empty where they do not answer. */
  stores: Record<string, { used: number; limit: number }>;
}

/**
 * From 5 ms, where the fastest answers are, to 60 s, after which a model is given up. What a rule compares a percentile with is a
 * bound, and not the last one: between bounds Prometheus guesses, and beyond the last it knows nothing.
 */
const REQUEST_BUCKETS_S = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 2.5, 5, 10, 30, 60];
/** Messages and tasks have a quarter of an hour. */
const WORK_BUCKETS_S = [...REQUEST_BUCKETS_S, 120, 300, 900];

/** As Cloudflare calls what the service depends on. */
const DEPENDENCIES = { db: "database", kv: "kv", vector: "vectorize", ai: "ai" } as const;

type Labels = Record<string, string>;
type SampledFamily = Extract<Family, { samples: unknown }>;

/** Counts by bucket of the durations in a tally. */
export function durationsOf(tally: Tally): Map<number, number> {
  return new Map(labelled(tally, LABELS.duration).map(([bucket, count]) => [Number(bucket), count]));
}

export function metricFamilies({ version, series, in_flight, allowances, stores }: Counted): Family[] {
  const all: Tally = {};
  for (const { tally } of series) addTally(all, tally);
  const requests = series.filter((one) => one.series.kind === "request");
  const others = series.filter((one) => one.series.kind !== "request");
  const counter = (name: string, help: string, samples: SampledFamily["samples"]): Family => ({
    name: `prism_${name}`,
    type: "counter",
    help,
    samples,
  });
  /** One sample for each of these sums. */
  const sums = (label: string, names: Labels, scale = 1) =>
    Object.entries(names).map(([text, name]) => ({ labels: { [label]: text }, value: (all[name] ?? 0) * scale }));
  const byLabel = (label: string) =>
    labelled(all, label).map(([text, value]) => ({ labels: { [label]: text }, value }));
  // Whatever rules watch is there from nought on: Prometheus counts from a series' first sample, so that a counter which begins with
  // its first failures hides them.
  const answered = (isCounted: (series: Series) => boolean) =>
    requests.reduce((sum, one) => sum + (isCounted(one.series) ? (one.tally.units ?? 0) : 0), 0);
  const byCall = (count: "calls" | "errors") =>
    Object.values(COUNTED).flatMap((counted) => {
      const name = counted[count];
      if (counted.errors === null || name === null) return [];
      const [, call = "query"] = counted.calls.split("/");
      return [{ labels: { dependency: DEPENDENCIES[counted.dependency], call }, value: all[name] ?? 0 }];
    });
  const single = (value = 0) => [{ labels: {}, value }];

  return [
    {
      name: "prism_build",
      type: "info",
      help: "The version that answers",
      samples: [{ labels: { version }, value: 1 }],
    },
    counter(
      "requests",
      "Requests by route, method, status and outcome",
      counts(requests, ({ endpoint, method, status_code, outcome }) => ({
        endpoint,
        method,
        code: String(status_code),
        outcome,
      })),
    ),
    durations(
      "prism_request_duration_seconds",
      "Time to the end of an answer, within 2 %",
      requests,
      REQUEST_BUCKETS_S,
    ),
    counter(
      "work",
      "Queue messages and cron tasks by outcome",
      counts(others, ({ kind, endpoint, outcome }) => ({ kind, endpoint, outcome })),
    ),
    durations(
      "prism_work_duration_seconds",
      "Duration of queue messages and cron tasks, within 2 %",
      others,
      WORK_BUCKETS_S,
    ),
    {
      name: "prism_requests_in_flight",
      type: "gauge",
      help: "Mean of the last whole minute",
      samples: single(in_flight),
    },
    counter(
      "requests_by_outcome",
      "Requests by outcome alone",
      OUTCOMES.map((outcome) => ({ labels: { outcome }, value: answered((series) => series.outcome === outcome) })),
    ),
    counter(
      "credential_refusals",
      "Requests refused with 401",
      single(answered((series) => series.status_code === 401)),
    ),
    counter("rate_limit_hits", "Requests refused with 429", single(answered((series) => series.status_code === 429))),
    counter("requests_by_colo", "Requests by the data centre that they came to", byLabel(LABELS.colo)),
    counter("cold_starts", "Isolates that began to work", single(all.cold_start)),
    counter(
      "tokens",
      "Tokens of models: sent, received, and saved by the optimiser",
      sums("direction", { input: "tokens_in", output: "tokens_out", saved: "tokens_saved" }),
    ),
    counter("neurons", "Neurons of chat models", single(all.neurons)),
    counter("answers_by_model", "Answers by the model that made them", byLabel(LABELS.model)),
    counter(
      "cache_lookups",
      "Answers looked for in the caches, by layer or miss",
      sums("cache", Object.fromEntries(CACHE_STATUSES.map((status) => [status, `${LABELS.cache}/${status}`]))),
    ),
    counter("database_queries", "Queries of D1", single(all.database_queries)),
    counter(
      "database_rows",
      "Rows of D1 as it bills them",
      sums("operation", { read: "rows_read", written: "rows_written" }),
    ),
    counter("kv_operations", "Operations of KV", sums("operation", { read: "kv_reads", write: "kv_writes" })),
    counter("dependency_calls", "Calls of what the service depends on, by their kind", byCall("calls")),
    counter("dependency_errors", "Failed calls of what the service depends on, by their kind", byCall("errors")),
    counter(
      "dependency_seconds",
      "Time spent waiting for what the service depends on",
      sums("dependency", { database: "db_ms", kv: "kv_ms", vectorize: "vector_ms", ai: "ai_ms" }, 1 / 1000),
    ),
    gauges("allowance_used", "Of the plan's allowance a UTC day, by this service", allowances, ({ used }) => used),
    gauges("allowance_limit", "The plan's allowance a UTC day", allowances, ({ limit }) => limit),
    gauges(
      "allowance_runs_out_timestamp_seconds",
      "When it is expected to be used up this UTC day; absent where it is not",
      Object.fromEntries(Object.entries(allowances).filter(([, { runs_out_at }]) => runs_out_at !== null)),
      ({ runs_out_at }) => Date.parse(runs_out_at ?? "") / 1000,
    ),
    gauges(
      "store_used",
      "What is stored: bytes of the database, dimensions of all vectors",
      stores,
      ({ used }) => used,
    ),
    gauges("store_limit", "What the plan stores of it", stores, ({ limit }) => limit),
  ];
}

function gauges<One>(name: string, help: string, all: Record<string, One>, value: (one: One) => number): Family {
  const samples = Object.entries(all).map(([resource, one]) => ({ labels: { resource }, value: value(one) }));
  return { name: `prism_${name}`, type: "gauge", help, samples };
}

/** Units of work, added up over what the labels do not tell. */
function counts(series: readonly SeriesTally[], labelsOf: (series: Series) => Labels): SampledFamily["samples"] {
  return grouped(series, labelsOf).map(({ labels, tally }) => ({ labels, value: tally.units ?? 0 }));
}

function durations(name: string, help: string, series: readonly SeriesTally[], bounds_s: readonly number[]): Family {
  const distributions = grouped(series, ({ endpoint }) => ({ endpoint })).map(({ labels, tally }) => {
    const counted = durationsOf(tally);
    const buckets = bounds_s.map((le_s) => ({ le_s, count: countUpTo(counted, le_s * 1000) }));
    return { labels, buckets, count: tally.units ?? 0, sum_s: (tally.duration_ms ?? 0) / 1000 };
  });
  return { name, type: "histogram", help, distributions };
}

function grouped(
  series: readonly SeriesTally[],
  labelsOf: (series: Series) => Labels,
): { labels: Labels; tally: Tally }[] {
  const groups = new Map<string, { labels: Labels; tally: Tally }>();
  for (const { series: one, tally } of series) {
    const labels = labelsOf(one);
    const name = JSON.stringify(labels);
    const group = groups.get(name) ?? { labels, tally: {} };
    groups.set(name, group);
    addTally(group.tally, tally);
  }
  return [...groups.values()];
}
