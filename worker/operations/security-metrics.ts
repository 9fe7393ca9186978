/** Who was kept out and why, and keys that behave unlike themselves. */
import type { KeyTally, MeterCalls } from "../ground/meter.ts";
import { NORMAL } from "../ground/mode.ts";
import { labelled } from "../ground/tally.ts";
import { DAY_MS, dayOf } from "../ground/time.ts";
import { BURST_FACTOR, BURST_REQUESTS_MIN, FAILING_KEY_ERRORS } from "../limits.ts";
import type { SecurityMetrics } from "../schemas/defence.ts";
import { readBlocklist, readMode } from "../store/controls.ts";
import { LABELS } from "../telemetry/tally.ts";
import type { Work } from "../work.ts";
import { spanOf } from "./metrics.ts";
import { readMeter, total } from "./read-meter.ts";

const HOUR_MINUTES = 60;
/** Of the day before the last hour. */
const BEFORE_HOURS = 23;
const THROTTLING = ["too-many-failures", "rate-limited", "quota-exceeded"] as const;

/** @throws Problem `metrics-unavailable`. */
export async function securityMetricsOf(work: Work, period: SecurityMetrics["period"]): Promise<SecurityMetrics> {
  const { from, end } = spanOf(period, work.now_ms);
  const hour = end - HOUR_MINUTES;
  const { CONFIG } = work.env;
  const [series, recent, before, uses, mode, blocks] = await Promise.all([
    readMeter(work, (shard) => shard.read(from, end)),
    readMeter(work, (shard) => shard.readKeys(hour, end)),
    readMeter(work, (shard) => shard.readKeys(hour - BEFORE_HOURS * HOUR_MINUTES, hour)),
    readMeter(work, async (shard) => [await shard.keyUse()]),
    readMode(CONFIG),
    readBlocklist(CONFIG, work.now_ms),
  ]);
  const all = total(series, ({ kind }) => kind === "request");
  const failures = labelled(all, LABELS.auth_failure);
  const refusals = Object.fromEntries(labelled(all, LABELS.refusal));
  return {
    period,
    mode: (mode ?? NORMAL).mode,
    blocks: blocks.length,
    auth_failures: {
      total: failures.reduce((sum, [, count]) => sum + count, 0),
      by_kind: Object.fromEntries(failures),
    },
    blocked: refusals["address-blocked"] ?? 0,
    throttled: THROTTLING.reduce((sum, slug) => sum + (refusals[slug] ?? 0), 0),
    refusals,
    anomalous_keys: anomalies(recent, before),
    key_use: keyUse(uses),
  };
}

function keyUse(uses: readonly ReturnType<MeterCalls["keyUse"]>[]): SecurityMetrics["key_use"] {
  const date = (day: number) => dayOf(day * DAY_MS);
  const since = uses.flatMap(({ since_day }) => (since_day === null ? [] : [since_day]));
  const last = uses.flatMap(({ last_days }) => Object.entries(last_days));
  return {
    since: since.length === 0 ? null : date(Math.min(...since)),
    last_used: Object.fromEntries(last.map(([key_id, day]) => [key_id, date(day)])),
  };
}

/** Keys that asked far more in the last hour than in a mean hour of the day before, and keys whose requests fail. */
export function anomalies(
  last_hour: readonly KeyTally[],
  before: readonly KeyTally[],
): SecurityMetrics["anomalous_keys"] {
  const earlier = new Map(before.map(({ key_id, requests }) => [key_id, requests]));
  return last_hour.flatMap(({ key_id, requests, errors }) => {
    const mean_requests_an_hour = (earlier.get(key_id) ?? 0) / BEFORE_HOURS;
    const figures = { key_id, requests_last_hour: requests, mean_requests_an_hour, errors_last_hour: errors };
    // A key that has just begun is no burst: there is nothing to compare it with.
    const isBurst =
      requests >= BURST_REQUESTS_MIN && earlier.has(key_id) && requests > BURST_FACTOR * mean_requests_an_hour;
    return [
      ...(isBurst ? [{ ...figures, sign: "burst" as const }] : []),
      ...(errors > FAILING_KEY_ERRORS ? [{ ...figures, sign: "failing" as const }] : []),
    ];
  });
}
