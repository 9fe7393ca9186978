import fc from "fast-check";
import { expect, test } from "vitest";
import { readWords } from "./read-words.ts";

test("a text that is ASCII alone is cut as it is beside other letters", () => {
  const text = fc.string({ unit: "binary-ascii", maxLength: 40 });
  fc.assert(
    fc.property(text, (ascii) => {
      const { bounds } = readWords(`${ascii} é`);
      expect([...readWords(ascii).bounds]).toEqual([...bounds].slice(0, -2));
    }),
  );
});
