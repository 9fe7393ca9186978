import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { mean, ndcg, percentile, recall, reciprocalRank } from "./metrics.ts";

const judgements = new Map([
  ["a", 3],
  ["b", 2],
  ["c", 1],
  ["d", 0],
]);

describe("nDCG", () => {
  test("equals the value computed by hand for graded gain", () => {
    // DCG 2/log2(2) + 0 + 3/log2(4) = 3.5; ideal 3 + 2/log2(3) + 1/log2(4) = 4.76186
    expect(ndcg(["b", "x", "a"], judgements, 10, "graded")).toBeCloseTo(3.5 / 4.76186, 5);
  });

  test("equals the value computed by hand for binary gain", () => {
    // DCG 1 + 0 + 1/2; ideal 1 + 0.63093 + 0.5
    expect(ndcg(["b", "x", "a"], judgements, 10, "binary")).toBeCloseTo(1.5 / 2.13093, 5);
  });

  test("a judgement of zero or below earns nothing and is not part of the ideal", () => {
    expect(ndcg(["d"], judgements, 10, "graded")).toBe(0);
    expect(ndcg(["x"], new Map([["x", -1]]), 10, "graded")).toBe(0);
  });

  test("the ideal counts judged documents that were not found, up to k", () => {
    expect(ndcg(["a"], judgements, 1, "graded")).toBe(1);
    expect(ndcg(["a"], judgements, 2, "binary")).toBeCloseTo(1 / 1.63093, 5);
  });

  test("is between 0 and 1, and 1 exactly for an ideal order", () => {
    const graded = fc.uniqueArray(fc.tuple(fc.string(), fc.integer({ min: 1, max: 4 })), {
      minLength: 1,
      selector: ([id]) => id,
    });
    fc.assert(
      fc.property(graded, (entries) => {
        const known = new Map(entries);
        const shuffled = ndcg([...known.keys()], known, 10, "graded");
        expect(shuffled).toBeGreaterThan(0);
        expect(shuffled).toBeLessThanOrEqual(1 + 1e-12);
        const ideal = entries.toSorted((a, b) => b[1] - a[1]).map(([id]) => id);
        expect(ndcg(ideal, known, 10, "graded")).toBeCloseTo(1, 12);
      }),
    );
  });
});

test("recall is the share of relevant documents among the first k", () => {
  expect(recall(["a", "x", "b"], judgements, 3)).toBeCloseTo(2 / 3, 12);
  expect(recall(["x", "a"], judgements, 1)).toBe(0);
  expect(recall(["d"], new Map([["d", 0]]), 10)).toBe(0);
});

test("the reciprocal rank is that of the first relevant document within k", () => {
  expect(reciprocalRank(["x", "d", "c"], judgements, 10)).toBeCloseTo(1 / 3, 12);
  expect(reciprocalRank(["x", "d", "c"], judgements, 2)).toBe(0);
});

test("a percentile is the smallest value that the share does not exceed", () => {
  expect(percentile([5, 1, 4, 2, 3], 0.5)).toBe(3);
  expect(percentile([5, 1, 4, 2, 3], 0.95)).toBe(5);
  expect(percentile([7], 0)).toBe(7);
  expect(percentile([], 0.5)).toBeNaN();
});

test("the mean of nothing is 0", () => {
  expect(mean([])).toBe(0);
  expect(mean([1, 2, 6])).toBe(3);
});
