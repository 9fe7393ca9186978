import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fuse } from "./fusion.ts";

const list = fc
  .uniqueArray(
    fc.record({ id: fc.integer({ min: 1, max: 60 }), score: fc.double({ min: 0.01, max: 40, noNaN: true }) }),
    {
      selector: ({ id }) => id,
      maxLength: 40,
    },
  )
  .map((entries) => entries.toSorted((a, b) => b.score - a.score || a.id - b.id));

describe("fuse", () => {
  test("with one leg only keeps that leg's order", () => {
    fc.assert(
      fc.property(list, (entries) => {
        const order = entries.map(({ id }) => id);
        expect(fuse(entries, [], 0).map(({ id }) => id)).toEqual(order);
        const sorted = fuse([], entries, 1);
        expect(sorted.map(({ id }) => id).toSorted()).toEqual(order.toSorted());
        expect(sorted.every(({ fused }, place) => fused <= (sorted[place - 1]?.fused ?? 1))).toBe(true);
      }),
    );
  });

  test("keeps a leg's order where scores are so close that dividing makes them equal", () => {
    const close = [
      { id: 3, score: 39.67486389656222 },
      { id: 2, score: 0.01000000000000003 },
      { id: 1, score: 0.010000000000000028 },
    ];
    expect(fuse(close, [], 0).map(({ id }) => id)).toEqual([3, 2, 1]);
  });

  test("lists every id of either leg once, scored 0 to 1", () => {
    fc.assert(
      fc.property(list, list, fc.double({ min: 0, max: 1, noNaN: true }), (text, vector, weight) => {
        const fused = fuse(text, vector, weight);
        const ids = new Set([...text, ...vector].map(({ id }) => id));
        expect(fused).toHaveLength(ids.size);
        expect(fused.every((entry) => entry.fused >= 0 && entry.fused <= 1 + 1e-9)).toBe(true);
      }),
    );
  });

  test("does not depend on the scale of either leg", () => {
    const text = [
      { id: 1, score: 9 },
      { id: 2, score: 6 },
      { id: 3, score: 3 },
    ];
    const vector = [
      { id: 3, score: 0.9 },
      { id: 2, score: 0.8 },
      { id: 4, score: 0.5 },
    ];
    const order = (entries: { id: number }[]) => entries.map(({ id }) => id);
    const scaled = vector.map(({ id, score }) => ({ id, score: score * 100 - 7 }));
    expect(order(fuse(text, vector, 0.5))).toEqual([2, 3, 1, 4]);
    expect(order(fuse(text, scaled, 0.5))).toEqual([2, 3, 1, 4]);
  });
});
