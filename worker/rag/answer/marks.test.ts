import fc from "fast-check";
import { expect, test } from "vitest";
import { drawMarks } from "./marks.ts";

test("marks are six digits, differ from one another, and stand in no text, whatever the randomness and the texts", () => {
  // Few random values and texts full of those very numbers: collisions are the rule here.
  const random = fc.array(fc.nat(3), { minLength: 1, maxLength: 5 });
  const texts = fc.array(fc.array(fc.integer({ min: 100_000, max: 100_009 })).map((all) => all.join(" [")));
  fc.assert(
    fc.property(fc.nat(20), texts, random, (count, held, values) => {
      let turn = 0;
      const marks = drawMarks(count, held, () => values[turn++ % values.length] ?? 0);
      expect(new Set(marks).size).toBe(count);
      for (const mark of marks) {
        expect(String(mark)).toMatch(/^\d{6}$/);
        expect(held.join(" ")).not.toContain(String(mark));
      }
    }),
  );
});
