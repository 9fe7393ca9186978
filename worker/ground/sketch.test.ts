import fc from "fast-check";
import { expect, test } from "vitest";
import { SKETCH_RELATIVE_ERROR } from "../limits.ts";
import { bucketOf, countUpTo, quantile } from "./sketch.ts";

/** As the sink rounds them. */
const durations = fc.array(
  fc.double({ min: 0, max: 120_000, noNaN: true }).map((ms) => Math.round(ms * 10) / 10),
  { minLength: 1, maxLength: 300 },
);

function sketchOf(values: readonly number[]): Map<number, number> {
  const counts = new Map<number, number>();
  for (const value of values) counts.set(bucketOf(value), (counts.get(bucketOf(value)) ?? 0) + 1);
  return counts;
}

test("every quantile is within the stated error of the duration that has this rank", () => {
  fc.assert(
    fc.property(durations, fc.double({ min: 0, max: 1, noNaN: true }), (values, q) => {
      const sorted = values.toSorted((a, b) => a - b);
      const truth = sorted[Math.max(1, Math.ceil(q * sorted.length)) - 1] ?? Number.NaN;
      const estimate = quantile(sketchOf(values), q) ?? Number.NaN;
      expect(Math.abs(estimate - truth)).toBeLessThanOrEqual(SKETCH_RELATIVE_ERROR * truth * (1 + 1e-9));
    }),
  );
});

test("what is counted up to a limit differs from the truth by what lies within the error of the limit alone", () => {
  fc.assert(
    fc.property(durations, fc.integer({ min: 1, max: 60_000 }), (values, limit_ms) => {
      const counted = countUpTo(sketchOf(values), limit_ms);
      const surely = values.filter((value) => value <= limit_ms).length;
      const at_most = values.filter((value) => value <= limit_ms * (1 + 3 * SKETCH_RELATIVE_ERROR)).length;
      expect(counted).toBeGreaterThanOrEqual(surely);
      expect(counted).toBeLessThanOrEqual(at_most);
    }),
  );
});

test("nothing has no quantile", () => {
  expect(quantile(new Map(), 0.5)).toBeNull();
});
