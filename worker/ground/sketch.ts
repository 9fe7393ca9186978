/**
 * Quantiles of durations from counts in buckets that grow by a constant factor, so that every estimate has the same relative
 * error and sketches of several isolates and minutes are added bucket by bucket. After DDSketch (Masson, Rim and Lee, VLDB 2019).
 */
import { SKETCH_RELATIVE_ERROR } from "../limits.ts";

const GAMMA = (1 + SKETCH_RELATIVE_ERROR) / (1 - SKETCH_RELATIVE_ERROR);
const LOG_GAMMA = Math.log(GAMMA);
/** Durations are rounded to 0.1 ms: what is below half of that is nothing. */
const SMALLEST_MS = 0.05;
/** The bucket of what is nothing. */
const ZERO = Math.ceil(Math.log(SMALLEST_MS) / LOG_GAMMA) - 1;

/** The bucket of a duration: i for γ^(i−1) < duration ≤ γ^i. */
export function bucketOf(duration_ms: number): number {
  return duration_ms < SMALLEST_MS ? ZERO : Math.ceil(Math.log(duration_ms) / LOG_GAMMA);
}

/** What a duration of this bucket is taken for: within `SKETCH_RELATIVE_ERROR` of it. */
function durationOf(bucket: number): number {
  return bucket === ZERO ? 0 : (2 * GAMMA ** bucket) / (GAMMA + 1);
}

/** The q-quantile (0..1, nearest rank) in milliseconds of counts by bucket; null where nothing was counted. */
export function quantile(counts: ReadonlyMap<number, number>, q: number): number | null {
  const sorted = [...counts].sort(([a], [b]) => a - b);
  const total = sorted.reduce((sum, [, count]) => sum + count, 0);
  const rank = Math.max(1, Math.ceil(q * total));
  let passed = 0;
  for (const [bucket, count] of sorted) {
    passed += count;
    if (passed >= rank) return durationOf(bucket);
  }
  return null;
}

/** How many of the counted durations are at most `limit_ms`; those within the sketch's error of it may be on either side. */
export function countUpTo(counts: ReadonlyMap<number, number>, limit_ms: number): number {
  const last = bucketOf(limit_ms);
  return [...counts].reduce((sum, [bucket, count]) => (bucket <= last ? sum + count : sum), 0);
}
