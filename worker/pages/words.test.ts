import fc from "fast-check";
import { expect, test } from "vitest";
import { percent, short, span } from "./words.ts";

test("a percentage never flatters: it is 100 % only when it is, and never above the truth", () => {
  fc.assert(
    fc.property(fc.double({ min: 0, max: 1, noNaN: true }), (share) => {
      const text = percent(share);
      expect(text === "100 %").toBe(share === 1);
      if (!text.startsWith("<")) expect(Number.parseFloat(text)).toBeLessThanOrEqual(share * 100 + 1e-9);
    }),
  );
  expect([percent(0.99999), percent(0.00001), percent(0), percent(null)]).toEqual([
    "99.99 %",
    "< 0.01 %",
    "0.00 %",
    "no data",
  ]);
});

test("spans are told in the unit that matters", () => {
  const told = [0, 29_000, 4 * 60_000, 3 * 3_600_000, 3.5 * 3_600_000, 24 * 3_600_000, 49 * 3_600_000].map(span);
  expect(told).toEqual(["less than a minute", "less than a minute", "4 min", "3 h", "3 h 30 min", "1 day", "2 days"]);
});

test("numbers on an axis are short", () => {
  expect([0, 2.5, 999, 1_200, 3_000_000].map(short)).toEqual(["0", "2.5", "999", "1.2k", "3M"]);
});
