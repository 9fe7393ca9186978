/** Requests of a period in some dozens of steps, for charts. */

import { quantile } from "../ground/sketch.ts";
import { addTally, labelled, type Tally } from "../ground/tally.ts";
import { MINUTE_MS } from "../ground/time.ts";
import type { RequestSeries } from "../schemas/dashboard.ts";
import { minuteOf } from "../telemetry/metering.ts";
import { LABELS } from "../telemetry/tally.ts";
import type { Work } from "../work.ts";
import { durationsOf } from "./metric-families.ts";
import { readMeter } from "./read-meter.ts";

/** Steps begin at full ones of their length; those of a week or a month are of whole hours, which is what the meter keeps. */
const STEPS: Record<RequestSeries["period"], { step_minutes: number; count: number }> = {
  "1h": { step_minutes: 2, count: 30 },
  "24h": { step_minutes: 30, count: 48 },
  "7d": { step_minutes: 240, count: 42 },
  "30d": { step_minutes: 1_440, count: 30 },
};

/** @throws Problem `metrics-unavailable` when a part of the meter does not answer. */
export async function requestSeries(work: Work, period: RequestSeries["period"]): Promise<RequestSeries> {
  const { step_minutes, count } = STEPS[period];
  const now_minute = minuteOf(work.now_ms);
  const end = now_minute - (now_minute % step_minutes) + step_minutes;
  const begin = end - count * step_minutes;
  const sums = new Map<number, Tally>();
  const read = await readMeter(work, (shard) => shard.readSteps(begin, end, step_minutes));
  for (const { minute, tally } of read) {
    const sum = sums.get(minute) ?? {};
    addTally(sum, tally);
    sums.set(minute, sum);
  }
  const steps = Array.from({ length: count }, (_, index) => {
    const minute = begin + index * step_minutes;
    return { at: new Date(minute * MINUTE_MS).toISOString(), ...figuresOf(sums.get(minute) ?? {}) };
  });
  return { period, step_minutes, steps };
}

function figuresOf(tally: Tally): Omit<RequestSeries["steps"][number], "at"> {
  const durations = durationsOf(tally);
  const looked = labelled(tally, LABELS.cache).filter(([where]) => where !== "bypass");
  const lookups = looked.reduce((sum, [, times]) => sum + times, 0);
  const { units = 0, failed = 0, tokens_in = 0, tokens_saved = 0 } = tally;
  const misses = tally[`${LABELS.cache}/miss`] ?? 0;
  return {
    requests: units,
    errors: failed,
    p50_latency_ms: quantile(durations, 0.5),
    p95_latency_ms: quantile(durations, 0.95),
    cache_hit_rate: lookups === 0 ? null : (lookups - misses) / lookups,
    tokens_sent: tokens_in,
    tokens_saved,
  };
}
