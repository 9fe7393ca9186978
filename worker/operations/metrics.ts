/** What the service has done, from the meter: a period of it for people and programs, counters since the beginning for Prometheus. */
import { FREE_ALLOWANCES_PER_DAY } from "../../infra/cloudflare-limits.ts";
import type { MeterCalls, Series, SeriesTally } from "../ground/meter.ts";
import { Problem } from "../ground/problem.ts";
import { quantile } from "../ground/sketch.ts";
import { addTally, labelled, type Tally } from "../ground/tally.ts";
import { ALLOWANCE_STATE_FROM_PERCENT } from "../limits.ts";
import type { Metrics, PERIODS } from "../schemas/metrics.ts";
import { cacheCounters, rememberedAnswers } from "../store/answer-cache.ts";
import { DAY_MS } from "../telemetry/day-counts.ts";
import { MINUTE_MS, meterShards, minuteOf } from "../telemetry/metering.ts";
import type { Family } from "../telemetry/open-metrics.ts";
import { LABELS } from "../telemetry/tally.ts";
import type { Work } from "../work.ts";
import { durationsOf, metricFamilies } from "./metric-families.ts";

const HOUR_MINUTES = 60;
const DAY_MINUTES = 24 * HOUR_MINUTES;
const PERIOD_MINUTES: Record<(typeof PERIODS)[number], number> = {
  "1h": HOUR_MINUTES,
  "24h": DAY_MINUTES,
  "7d": 7 * DAY_MINUTES,
  "30d": 30 * DAY_MINUTES,
};

/** Minutes since the epoch, up to the one that is not over. */
export function spanOf(period: (typeof PERIODS)[number], now_ms: number): { from: number; end: number } {
  const end = minuteOf(now_ms) + 1;
  const begin = end - PERIOD_MINUTES[period];
  // Minutes are kept for a day; before that there are hours.
  return { from: PERIOD_MINUTES[period] > DAY_MINUTES ? begin - (begin % HOUR_MINUTES) : begin, end };
}

/** @throws Problem `metrics-unavailable` when a part of the meter does not answer: half a sum would be a wrong one. */
export async function metricsOf(work: Work, period: (typeof PERIODS)[number]): Promise<Metrics> {
  const { from, end } = spanOf(period, work.now_ms);
  const [series, today] = await Promise.all([readMeter(work, (shard) => shard.read(from, end)), allowancesUsed(work)]);
  const requests = total(series, ({ kind }) => kind === "request");
  const failed = total(series, ({ kind, outcome }) => kind === "request" && outcome === "failed").units ?? 0;
  const { units = 0 } = requests;
  const { database_queries = 0, database_errors = 0, db_ms = 0, ...all } = total(series, () => true);
  const { tokens_in = 0, tokens_out = 0, tokens_saved = 0 } = all;
  const durations = durationsOf(requests);
  return {
    period,
    requests: { total: units, success: units - failed, error: failed, success_rate: ratio(units - failed, units) ?? 1 },
    performance: {
      p50_latency_ms: quantile(durations, 0.5),
      p95_latency_ms: quantile(durations, 0.95),
      p99_latency_ms: quantile(durations, 0.99),
      avg_cpu_time_ms: null,
    },
    resources: {
      ...today,
      neurons_used: today.neurons.used,
      neurons_limit: today.neurons.limit,
    },
    cache: cacheFigures(all),
    database: {
      queries: database_queries,
      errors: database_errors,
      avg_latency_ms: ratio(db_ms, database_queries),
    },
    tokens: {
      input: tokens_in,
      output: tokens_out,
      saved: tokens_saved,
      savings_percentage: 100 * (ratio(tokens_saved, tokens_saved + tokens_in) ?? 0),
    },
  };
}

/** @throws Problem `metrics-unavailable`, as `metricsOf` does. */
export async function prometheusFamilies(work: Work): Promise<Family[]> {
  const minute = minuteOf(work.now_ms);
  const [lifetime, last_minute, allowances] = await Promise.all([
    readMeter(work, (shard) => shard.readLifetime()),
    readMeter(work, (shard) => shard.read(minute - 1, minute)),
    allowancesUsed(work),
  ]);
  const { duration_ms = 0 } = total(last_minute, ({ kind }) => kind === "request");
  return metricFamilies({
    version: work.env.VERSION.id,
    series: lifetime,
    // Little's law: arrivals a second times the seconds that each stays.
    in_flight: duration_ms / MINUTE_MS,
    allowances,
  });
}

type Allowances = Record<keyof typeof FREE_ALLOWANCES_PER_DAY, Metrics["resources"]["neurons"]>;

/** What this UTC day has used of the free plan's daily allowances. */
async function allowancesUsed(work: Work): Promise<Allowances> {
  const midnight = minuteOf(work.now_ms - (work.now_ms % DAY_MS));
  const series = await readMeter(work, (shard) => shard.read(midnight, minuteOf(work.now_ms) + 1));
  const {
    units = 0,
    rows_read = 0,
    rows_written = 0,
    kv_reads = 0,
    kv_writes = 0,
    neurons = 0,
  } = total(series, () => true);
  const used: Record<keyof Allowances, number> = {
    // Queue batches and cron triggers invoke the Worker, too, and count as requests.
    requests: units,
    d1_rows_read: rows_read,
    d1_rows_written: rows_written,
    kv_reads,
    kv_writes,
    neurons,
  };
  return Object.fromEntries(
    Object.entries(FREE_ALLOWANCES_PER_DAY).map(([name, limit]) => {
      const amount = used[name as keyof Allowances];
      const usage_percentage = (100 * amount) / limit;
      return [name, { used: amount, limit, usage_percentage, state: allowanceState(usage_percentage) }];
    }),
  ) as Allowances;
}

function allowanceState(percent: number): Metrics["resources"]["neurons"]["state"] {
  const { critical, high, warning } = ALLOWANCE_STATE_FROM_PERCENT;
  if (percent >= critical) return "critical";
  if (percent >= high) return "high";
  return percent >= warning ? "warning" : "ok";
}

function cacheFigures(tally: Tally): Metrics["cache"] {
  const { miss = 0, bypass: _, ...hits } = Object.fromEntries(labelled(tally, LABELS.cache)) as Record<string, number>;
  const total_hits = Object.values(hits).reduce((sum, count) => sum + count, 0);
  return {
    hit_rate: ratio(total_hits, total_hits + miss) ?? 0,
    total_hits,
    total_misses: miss,
    size: rememberedAnswers(),
    evictions: cacheCounters.evictions,
  };
}

/** What every shard answers. @throws Problem `metrics-unavailable`. */
export async function readMeter<T>(
  { env }: Work,
  ask: (shard: DurableObjectStub<MeterCalls>) => Promise<T[]>,
): Promise<T[]> {
  try {
    return (await Promise.all(meterShards(env).map(ask))).flat();
  } catch (cause) {
    throw new Problem("metrics-unavailable", "The meter does not answer.", { cause });
  }
}

/** The sum of the series that are wanted. */
export function total(series: readonly SeriesTally[], wanted: (series: Series) => boolean): Tally {
  const sum: Tally = {};
  for (const { series: one, tally } of series) if (wanted(one)) addTally(sum, tally);
  return sum;
}

function ratio(part: number, whole: number): number | null {
  return whole === 0 ? null : part / whole;
}
