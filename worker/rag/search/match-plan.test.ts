import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { planMatch } from "./match-plan.ts";
import { type Ends, holdingOf } from "./term-counts.ts";

const letters = [..."abcdefghij"];
const words = fc
  .array(fc.nat({ max: 2_000 }), { minLength: 1, maxLength: letters.length })
  .map((counts) => counts.map((held, place) => ({ match: letters[place] ?? "", held })));

/** Whether a chunk of these words matches: an FTS5 expression of single letters, as JavaScript has it. */
function matches(expression: string, chunk: ReadonlySet<string>): boolean {
  const value = (letter: string) => String(chunk.has(letter));
  const code = expression.replace(/[a-j]/g, value).replaceAll("OR", "||").replaceAll("AND", "&&");
  return new Function(`return ${code}`)() as boolean;
}

describe("planMatch", () => {
  test("asks for every word that is held while all that hold one may be ranked", () => {
    fc.assert(
      fc.property(words, (asked) => {
        const held = asked.filter((word) => word.held > 0);
        const all = held.toSorted((a, b) => a.held - b.held).map(({ match }) => match);
        const sum = held.reduce((total, word) => total + word.held, 0);
        expect(planMatch(asked, 2_000, sum)).toBe(all.length === 0 ? null : all.join(" OR "));
      }),
    );
  });

  test("a chunk with one frequent word and no other is never let through; one with a word that may be ranked alone always is", () => {
    fc.assert(
      fc.property(words, fc.integer({ min: 1, max: 3_000 }), (asked, ranked_max) => {
        const planned = planMatch(asked, 2_000, ranked_max);
        const held = asked.filter((word) => word.held > 0);
        const through = held.filter(({ match }) => planned !== null && matches(planned, new Set([match])));
        expect(through.reduce((sum, word) => sum + word.held, 0)).toBeLessThanOrEqual(ranked_max);
        const [rarest] = held.toSorted((a, b) => a.held - b.held);
        if (rarest !== undefined && rarest.held <= ranked_max) expect(through).toContain(rarest);
        expect(planned === null || matches(planned, new Set(letters))).toBe(true);
      }),
    );
  });

  test("of frequent words a chunk must hold several: the more, the more frequent they are", () => {
    const frequent = (held: number) => [..."abcd"].map((match) => ({ match, held }));
    const rare = { match: "r", held: 5 };
    expect(planMatch(frequent(200), 10_000, 100)).toBe("(a OR c) AND (b OR d)");
    expect(planMatch(frequent(400), 2_000, 100)).toBe("(a OR d) AND (b) AND (c)");
    expect(planMatch(frequent(9_000), 10_000, 100)).toBeNull();
    expect(planMatch([rare, ...frequent(9_000)], 10_000, 100)).toBe("r");
    expect(planMatch([...frequent(200), rare], 10_000, 100)).toBe(
      "(r OR ((a OR c) AND (b OR d))) AND (r OR a OR c OR b OR d)",
    );
  });
});

/** What counting up to `limit` from both ends finds of the sorted `ids`. */
function endsOf(ids: readonly number[], limit: number): Ends {
  const met = (some: readonly number[]) => ({ count: some.length, lowest: some[0] ?? 0, highest: some.at(-1) ?? 0 });
  return { front: met(ids.slice(0, limit)), back: ids.length < limit ? null : met(ids.slice(-limit)) };
}

describe("holdingOf", () => {
  test("is exact below the limit, and never says less than was counted", () => {
    const ids = fc.uniqueArray(fc.integer({ min: 1, max: 500 }), { minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(ids, fc.integer({ min: 1, max: 80 }), (some, limit) => {
        const sorted = some.toSorted((a, b) => a - b);
        const all = endsOf(
          Array.from({ length: 500 }, (_, index) => index + 1),
          limit,
        );
        const held = holdingOf(endsOf(sorted, limit), all);
        if (sorted.length < limit) expect(held).toBe(sorted.length);
        else expect(held).toBeGreaterThanOrEqual(limit);
        expect(held).toBeLessThanOrEqual(500);
      }),
    );
  });

  test("of what is spread evenly it is right however little was counted", () => {
    const everyFifth = Array.from({ length: 2_000 }, (_, index) => 5 * index + 3);
    const all = endsOf(
      Array.from({ length: 10_000 }, (_, index) => index + 1),
      50,
    );
    expect(holdingOf(all, all)).toBe(10_000);
    expect(holdingOf(endsOf(everyFifth, 50), all) / 2_000).toBeCloseTo(1, 1);
  });
});
