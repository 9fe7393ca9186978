import fc from "fast-check";
import { expect, test } from "vitest";
import { VectorTable } from "./table.ts";
import { METRICS, type Metric } from "./types.ts";

interface Vector {
  id: string;
  namespace: string | null;
  values: Float32Array;
  author: string;
}

function naiveScore(metric: Metric, a: Float32Array, b: Float32Array): number {
  const dot = a.reduce((sum, value, i) => sum + value * (b[i] ?? 0), 0);
  const norm = (v: Float32Array) => Math.hypot(...v);
  if (metric === "euclidean") return Math.hypot(...a.map((value, i) => value - (b[i] ?? 0)));
  if (metric === "dot-product") return -dot;
  return norm(a) * norm(b) === 0 ? 0 : dot / (norm(a) * norm(b));
}

const step = (dimensions: number) =>
  fc.record({
    id: fc.nat(30).map(String),
    namespace: fc.constantFrom(null, "a", "b"),
    values: fc
      .array(fc.integer({ min: -8, max: 8 }), { minLength: dimensions, maxLength: dimensions })
      .map((values) => Float32Array.from(values)),
    author: fc.constantFrom("x", "y"),
    remove: fc.boolean(),
  });

const scenario = fc.tuple(fc.constantFrom(...METRICS), fc.constantFrom(1, 3, 8, 19)).chain(([metric, dimensions]) =>
  fc.record({
    metric: fc.constant(metric),
    dimensions: fc.constant(dimensions),
    steps: fc.array(step(dimensions), { maxLength: 60 }),
    query: step(dimensions).map(({ values }) => values),
    top_k: fc.integer({ min: 1, max: 20 }),
    namespace: fc.constantFrom(undefined, "a", "b", "none"),
    author: fc.constantFrom(undefined, "x"),
  }),
);

test("a search finds what a naive scan of the live vectors finds, after any additions, replacements and deletions", () => {
  fc.assert(
    fc.property(scenario, ({ metric, dimensions, steps, query, top_k, namespace, author }) => {
      const table = new VectorTable({ dimensions, metric });
      const live = new Map<string, Vector>();
      for (const { remove, ...vector } of steps) {
        if (remove) {
          table.delete(vector.id);
          live.delete(vector.id);
        } else {
          table.set(vector.id, vector.namespace, vector.values, { author: vector.author });
          live.set(vector.id, vector);
        }
      }
      expect(table.size).toBe(live.size);

      const passes = author === undefined ? undefined : (indexed: { author?: unknown }) => indexed.author === author;
      const found = table.search(query, top_k, namespace, passes);
      const candidates = [...live.values()].filter(
        (vector) =>
          (namespace === undefined || vector.namespace === namespace) &&
          (author === undefined || vector.author === author),
      );
      const scores = candidates.map(({ values }) => naiveScore(metric, query, values));
      const direction = metric === "cosine" ? -1 : 1;
      const best = scores.sort((a, b) => direction * (a - b)).slice(0, top_k);
      expect(found).toHaveLength(best.length);
      found.forEach(({ id, score }, place) => {
        expect(score).toBeCloseTo(best[place] ?? Number.NaN, 5);
        const owner = candidates.find((vector) => vector.id === id);
        expect(score).toBeCloseTo(owner ? naiveScore(metric, query, owner.values) : Number.NaN, 9);
      });
    }),
    { numRuns: 300 },
  );
});

test("values come back as the float32 numbers that were stored, also after the memory has grown", () => {
  const table = new VectorTable({ dimensions: 384, metric: "cosine" });
  for (let row = 0; row < 500; row++) table.set(String(row), null, new Float32Array(384).fill(row + 0.1), {});
  expect(table.values("7")?.[383]).toBe(Math.fround(7.1));
  expect(table.search(new Float32Array(384).fill(1), 500, undefined, undefined)).toHaveLength(500);
});
