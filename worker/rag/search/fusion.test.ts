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

/** Longer than any list here: none was cut off. */
const DEPTH = 100;
const weight = fc.double({ min: 0, max: 1, noNaN: true });

describe("fuse", () => {
  test("with one leg only keeps that leg's order", () => {
    fc.assert(
      fc.property(list, (entries) => {
        const order = entries.map(({ id }) => id);
        expect(fuse(entries, [], 0, DEPTH).map(({ id }) => id)).toEqual(order);
        const sorted = fuse([], entries, 1, DEPTH);
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
    expect(fuse(close, [], 0, DEPTH).map(({ id }) => id)).toEqual([3, 2, 1]);
  });

  test("lists every id of either leg once, scored 0 to 1", () => {
    fc.assert(
      fc.property(list, list, weight, fc.integer({ min: 1, max: DEPTH }), (text, vector, share, depth) => {
        const fused = fuse(text, vector, share, depth);
        const ids = new Set([...text, ...vector].map(({ id }) => id));
        expect(fused).toHaveLength(ids.size);
        expect(fused.every((entry) => entry.fused >= 0 && entry.fused <= 1 + 1e-9)).toBe(true);
      }),
    );
  });

  test("never puts a chunk below one that is worse in both legs", () => {
    fc.assert(
      fc.property(list, list, weight, fc.integer({ min: 1, max: DEPTH }), (text, vector, share, depth) => {
        const fused = fuse(text, vector, share, depth);
        const height = (leg: typeof text, id: number) => leg.find((entry) => entry.id === id)?.score ?? 0;
        for (const [place, { id }] of fused.entries())
          for (const { id: above, fused: score } of fused.slice(0, place)) {
            const isWorse = [text, vector].every((leg) => height(leg, above) < height(leg, id));
            if (isWorse) expect(score).toBe(fused[place]?.fused);
          }
      }),
    );
  });

  test("gives the last of a text list that was cut off no more than what fell behind the cut", () => {
    fc.assert(
      fc.property(list, list, weight, (text, vector, share) => {
        const last = text.at(-1);
        fc.pre(last !== undefined && vector.length > 0 && (text[0]?.score ?? 0) > last.score);
        if (last === undefined) return;
        const scoreOf = (legs: [typeof text, typeof vector], depth: number) =>
          fuse(...legs, share, depth).find(({ id }) => id === last.id)?.fused ?? 0;
        const behind = scoreOf([text.slice(0, -1), vector], text.length - 1);
        expect(scoreOf([text, vector], text.length)).toBe(behind);
        // One that came to its end by itself holds all that share a word: its last has more than one that shares none.
        expect(scoreOf([text, vector], DEPTH)).toBeGreaterThanOrEqual(behind);
      }),
    );
  });

  test("shows full text alone with the same scores at every depth", () => {
    fc.assert(
      fc.property(list, fc.integer({ min: 1, max: DEPTH }), (text, depth) => {
        expect(fuse(text, [], 0, depth)).toEqual(fuse(text, [], 0, DEPTH));
      }),
    );
  });

  test("lets full text decide between texts that mean the same, as two that differ by a number", () => {
    const text = [
      { id: 133, score: 1.961 },
      { id: 134, score: 0.905 },
    ];
    const vector = [
      { id: 134, score: 0.3823 },
      { id: 133, score: 0.3746 },
    ];
    expect(fuse(text, vector, 0.5, DEPTH).map(({ id }) => id)).toEqual([133, 134]);
  });

  test("does not depend on the scale of full text, nor on where similarities begin", () => {
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
    const scaled = text.map(({ id, score }) => ({ id, score: score * 100 }));
    const shifted = vector.map(({ id, score }) => ({ id, score: score - 0.7 }));
    expect(order(fuse(text, vector, 0.5, DEPTH))).toEqual([2, 3, 1, 4]);
    expect(order(fuse(scaled, shifted, 0.5, DEPTH))).toEqual([2, 3, 1, 4]);
  });
});
