import fc from "fast-check";
import { expect, test } from "vitest";
import { readWords } from "./read-words.ts";
import { findTerms, stems, termSet } from "./terms.ts";
import { fold } from "./words.ts";

test("the fast search finds what stemming every word finds, in the same places", () => {
  const word = fc.oneof(
    fc.constantFrom("ies", "dies", "flow", "flows", "flowing", "Café", "x", "xs", "naïve", "日本", "don't", "٣"),
    fc.constantFrom("any", "ani", "ate", "ating", "anies", "hoping", "hopped", "hope", "hop", "skies", "sky", "ski"),
    fc.constantFrom(
      "colour",
      "colors",
      "licence",
      "licensed",
      "organise",
      "organizing",
      "analyser",
      "metre",
      "programmes",
    ),
    fc.string({ maxLength: 8 }),
  );
  fc.assert(
    fc.property(fc.array(word, { maxLength: 40 }), fc.array(word, { maxLength: 6 }), (words, wanted) => {
      const text = words.join(" ");
      const set = termSet(stems(wanted.join(" ")));
      const found: [number, number][] = [];
      findTerms(readWords(fold(text), false), set, (term, place) => found.push([term, place]));
      const expected = stems(text).flatMap((stem, place): [number, number][] => {
        const term = set.index.get(stem);
        return term === undefined ? [] : [[term, place]];
      });
      expect(found).toEqual(expected);
    }),
    { numRuns: 1_000 },
  );
});
