/** Reports over time, from the meter, and what they are beside the baseline. */

import type { z } from "zod";
import { MINUTE_MS } from "../ground/time.ts";
import type { PERIODS } from "../schemas/metrics.ts";
import type { performanceReport, volumeReport, weeklyReport } from "../schemas/monitoring.ts";
import { ratingsSince } from "../store/feedback.ts";
import type { Work } from "../work.ts";
import { readBaseline } from "./baseline.ts";
import { seriesOf, spanOf } from "./metrics.ts";
import { byTime, compared, performanceOf } from "./performance.ts";
import { readMeter, total } from "./read-meter.ts";
import { slowQueries } from "./slow-queries.ts";

type Period = (typeof PERIODS)[number];
const DAY_HOURS = 24;

/** @throws Problem `metrics-unavailable` when the meter does not answer, as all of these do. */
export async function reportPerformance(work: Work, period: Period): Promise<z.infer<typeof performanceReport>> {
  const [series, baseline, slow] = await Promise.all([seriesOf(work, period), readBaseline(work), slowQueries(work)]);
  const performance = performanceOf(series);
  return { period, ...performance, comparison: compared(performance, baseline), ...slow };
}

export async function reportVolume(work: Work, period: Period): Promise<z.infer<typeof volumeReport>> {
  const buckets = await volumeOf(work, period, period === "1h" || period === "24h" ? 1 : DAY_HOURS);
  const peak = buckets.toSorted((a, b) => b.requests - a.requests)[0];
  return {
    period,
    total: buckets.reduce((sum, { requests }) => sum + requests, 0),
    errors: buckets.reduce((sum, { errors }) => sum + errors, 0),
    peak: peak === undefined ? null : { at: peak.at, requests: peak.requests },
    buckets,
  };
}

export async function reportWeek(work: Work): Promise<z.infer<typeof weeklyReport>> {
  const { from, end } = spanOf("7d", work.now_ms);
  const [series, days, baseline, quality, slow] = await Promise.all([
    seriesOf(work, "7d"),
    volumeOf(work, "7d", DAY_HOURS),
    readBaseline(work),
    ratingsSince(work.stores.db, from * MINUTE_MS),
    slowQueries(work),
  ]);
  const { tokens_in = 0, tokens_out = 0, tokens_saved = 0 } = total(series, () => true);
  const performance = performanceOf(series);
  return {
    from: new Date(from * MINUTE_MS).toISOString(),
    to: new Date(end * MINUTE_MS).toISOString(),
    ...performance,
    days,
    tokens: { input: tokens_in, output: tokens_out, saved: tokens_saved },
    quality,
    comparison: compared(performance, baseline),
    ...slow,
  };
}

/** Requests by hours or days. */
async function volumeOf(work: Work, period: Period, span_hours: number) {
  const { from, end } = spanOf(period, work.now_ms);
  const [all, failed] = await Promise.all([
    readMeter(work, (shard) => shard.readHours(["units"], from, end, { kind: "request" })),
    readMeter(work, (shard) => shard.readHours(["units"], from, end, { kind: "request", outcome: "failed" })),
  ]);
  const errors = new Map(byTime(failed, span_hours).map(({ at_ms, tally }) => [at_ms, tally.units ?? 0]));
  return byTime(all, span_hours).map(({ at_ms, tally }) => ({
    at: new Date(at_ms).toISOString(),
    requests: tally.units ?? 0,
    errors: errors.get(at_ms) ?? 0,
  }));
}
