import fc from "fast-check";
import { expect, test } from "vitest";
import { spreadDocuments } from "./spread.ts";

const places = (...ranked: readonly [document_id: string, score: number][]) =>
  ranked.map(([document_id, score], id) => ({ id, document_id, score }));
const documents = (ranked: readonly { document_id: string }[]) => ranked.map(({ document_id }) => document_id).join("");

test("a document of many like chunks does not fill the first places", () => {
  expect(documents(spreadDocuments(places(["a", 10], ["a", 9.9], ["a", 9.8], ["b", 9.3], ["c", 9.2])))).toBe("abcaa");
});

test("a further chunk that is much better than what other documents have stays before it", () => {
  expect(documents(spreadDocuments(places(["a", 10], ["a", 9], ["b", 5])))).toBe("aab");
});

test("every candidate keeps its place among those of its document, and every document its place among documents", () => {
  const ranked = fc
    .array(
      fc.record({
        document_id: fc.constantFrom("a", "b", "c", "d"),
        score: fc.double({ min: 0, max: 30, noNaN: true }),
      }),
    )
    .map((list) => list.toSorted((a, b) => b.score - a.score).map((candidate, id) => ({ ...candidate, id })));
  fc.assert(
    fc.property(ranked, (given) => {
      const spread = spreadDocuments(given);
      expect(spread.map(({ id }) => id).toSorted((a, b) => a - b)).toEqual(given.map(({ id }) => id));
      expect([...new Set(documents(spread))]).toEqual([...new Set(documents(given))]);
      for (const document of new Set(documents(given))) {
        const own = (list: typeof given) => list.filter(({ document_id }) => document_id === document);
        expect(own(spread)).toEqual(own(given));
      }
    }),
  );
});
