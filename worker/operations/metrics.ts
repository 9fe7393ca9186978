/** What the service has done, from the meter: a period of it for people and programs, counters since the beginning for Prometheus. */

import type { SeriesTally } from "../ground/meter.ts";
import { quantile } from "../ground/sketch.ts";
import { labelled, ratio, type Tally } from "../ground/tally.ts";
import { MINUTE_MS } from "../ground/time.ts";
import type { Metrics, PERIODS } from "../schemas/metrics.ts";
import { cacheCounters, rememberedAnswers } from "../store/answer-cache.ts";
import { minuteOf } from "../telemetry/metering.ts";
import type { Family } from "../telemetry/open-metrics.ts";
import { LABELS } from "../telemetry/tally.ts";
import type { Work } from "../work.ts";
import { allowancesOf } from "./allowances.ts";
import { usedStores } from "./capacity.ts";
import { durationsOf, metricFamilies } from "./metric-families.ts";
import { readMeter, tokenFigures, total } from "./read-meter.ts";

const HOUR_MINUTES = 60;
const DAY_MINUTES = 24 * HOUR_MINUTES;
const PERIOD_MINUTES: Record<(typeof PERIODS)[number], number> = {
  "1h": HOUR_MINUTES,
  "24h": DAY_MINUTES,
  "7d": 7 * DAY_MINUTES,
  "30d": 30 * DAY_MINUTES,
};

/** Minutes since the epoch. Minutes are kept for a day: what is longer begins at a full hour. */
export function spanOf(period: (typeof PERIODS)[number], now_ms: number): { from: number; end: number } {
  const end = minuteOf(now_ms) + 1;
  const begin = end - PERIOD_MINUTES[period];
  return { from: PERIOD_MINUTES[period] > DAY_MINUTES ? begin - (begin % HOUR_MINUTES) : begin, end };
}

/** What was counted in a period. @throws Problem `metrics-unavailable` when a part of the meter does not answer. */
export function seriesOf(work: Work, period: (typeof PERIODS)[number]): Promise<SeriesTally[]> {
  const { from, end } = spanOf(period, work.now_ms);
  return readMeter(work, (shard) => shard.read(from, end));
}

/** @throws Problem `metrics-unavailable`, as `seriesOf` does. */
export async function metricsOf(work: Work, period: (typeof PERIODS)[number]): Promise<Metrics> {
  const [series, today] = await Promise.all([seriesOf(work, period), allowancesOf(work)]);
  const requests = total(series, ({ kind }) => kind === "request");
  const failed = total(series, ({ kind, outcome }) => kind === "request" && outcome === "failed").units ?? 0;
  const { units = 0 } = requests;
  const { database_queries = 0, database_errors = 0, db_ms = 0, ...all } = total(series, () => true);
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
    tokens: tokenFigures(all),
  };
}

/** @throws Problem `metrics-unavailable`, as `seriesOf` does. */
export async function prometheusFamilies(work: Work): Promise<Family[]> {
  const minute = minuteOf(work.now_ms);
  const [lifetime, last_minute, allowances, stores] = await Promise.all([
    readMeter(work, (shard) => shard.readLifetime()),
    readMeter(work, (shard) => shard.read(minute - 1, minute)),
    allowancesOf(work),
    // Whoever scrapes must see that a store is down, and all else meanwhile.
    usedStores(work).then(
      ({ database, vectors }) => ({ database, vectors }),
      () => ({}),
    ),
  ]);
  const { duration_ms = 0 } = total(last_minute, ({ kind }) => kind === "request");
  return metricFamilies({
    version: work.env.VERSION.id,
    series: lifetime,
    // Little's law: arrivals a second times the seconds that each stays.
    in_flight: duration_ms / MINUTE_MS,
    allowances,
    stores,
  });
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
