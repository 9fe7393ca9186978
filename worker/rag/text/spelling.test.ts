import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { americanSpelling, otherSpelling } from "./spelling.ts";
import { termOf } from "./terms.ts";

const PAIRS = [
  ["licence", "license"],
  ["behaviours", "behaviors"],
  ["coloured", "colored"],
  ["organise", "organize"],
  ["serialisers", "serializers"],
  ["initialisation", "initialization"],
  ["analysing", "analyzing"],
  ["centre", "center"],
  ["kilometres", "kilometers"],
  ["catalogue", "catalog"],
  ["programme", "program"],
  ["acknowledgements", "acknowledgments"],
] as const;

describe("a word that is spelt in two ways", () => {
  test.each(PAIRS)("%s is %s: either finds the other, and both are one term", (british, american) => {
    expect(otherSpelling(british)).toBe(american);
    expect(otherSpelling(american)).toBe(british);
    expect(termOf(british)).toBe(termOf(american));
  });

  test.each([
    "four",
    "hour",
    "contour",
    "size",
    "rise",
    "wise",
    "noise",
    "are",
    "store",
    "sentence",
    "element",
    "vogue",
  ])("%s has one spelling", (word) => {
    expect(otherSpelling(word)).toBeUndefined();
  });

  test("its other spelling's other spelling is itself, and the American one stays as it is", () => {
    const stem = fc.stringMatching(/^[a-z]{0,6}(?:behavi|col|is|iz|ys|yz|met|cent|catal|licen|defen)?$/);
    const ending = fc.constantFrom(
      "",
      "our",
      "or",
      "e",
      "ed",
      "ing",
      "re",
      "er",
      "ogue",
      "og",
      "ce",
      "se",
      "ours",
      "ations",
    );
    fc.assert(
      fc.property(stem, ending, (start, end) => {
        const word = start + end;
        const other = otherSpelling(word);
        if (other !== undefined) expect(otherSpelling(other)).toBe(word);
        expect(americanSpelling(americanSpelling(word))).toBe(americanSpelling(word));
      }),
    );
  });
});
