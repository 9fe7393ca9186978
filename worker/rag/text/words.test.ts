import fc from "fast-check";
import { expect, test } from "vitest";
import { readWords } from "./read-words.ts";
import { fold, readText } from "./words.ts";

test("a text that is ASCII alone is read as any other: its words, and the other spellings of its names and numbers", () => {
  const part = fc.oneof(
    fc.string({ unit: "binary-ascii", maxLength: 12 }),
    fc.constantFrom(
      ..."1,000 |10,00,000|x 1_000|12.345.678|v1.000|1 000a|e-mail|C#|C++17| .NET|Zero&shy;width|Long<wbr>Word|&#173".split(
        "|",
      ),
    ),
    fc
      .tuple(fc.integer({ min: 1_000, max: 99_999_999 }), fc.constantFrom(",", ".", "'", "_", " "))
      .map(([number, sign]) => number.toLocaleString("en").replaceAll(",", sign)),
  );
  fc.assert(
    fc.property(fc.array(part, { maxLength: 6 }), (parts) => {
      const text = parts.join("");
      const { folded, bounds } = readWords(fold(text));
      const read = readText(text);
      expect({ folded: read.folded, bounds: [...read.bounds] }).toEqual({ folded, bounds: [...bounds] });
    }),
    { numRuns: 2_000 },
  );
});
