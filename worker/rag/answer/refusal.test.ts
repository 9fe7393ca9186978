import { describe, expect, test } from "vitest";
import { refuses } from "./refusal.ts";

/** Marks are `[1]` and the like here. */
function judged(answer: string, cited: string[] = ["The weevil eats grain."], read = cited): boolean {
  const citations = Array.from(answer.matchAll(/\[\d+\]/g), ({ 0: mark, index }) => ({
    mark_start: index,
    mark_end: index + mark.length,
  }));
  return refuses(answer, citations, { read, cited: citations.length === 0 ? [] : cited });
}

describe("a refusal stays one", () => {
  test.each([
    "Not found in the documents [1]",
    "Not found in the documents. [1]",
    "Not found in the documents [1].",
    "[1] Not found in the documents.",
    "**Not found in the documents** [1][2]",
    '"Not found in the documents." [1] [2]',
    "Sorry. The price is not found in the documents [1].",
    "Not found in the\ndocuments [1]",
    "Not found in the documents. The nearest passage speaks of grain [1].",
    "Not found in the documents.\n\nSources: [1], [2]",
  ])("%j", (answer) => expect(judged(answer)).toBe(true));
});

describe("an answer stays one", () => {
  test.each([
    "The weevil eats grain [1].",
    "The weevil eats grain [1]. Its price is not found in the documents.",
    "The weevil eats grain. [1] Its price is not found in the documents [2].",
    "Its price is not found in the documents [2], and the weevil eats grain. It is brown [1].",
  ])("%j", (answer) => expect(judged(answer)).toBe(false));
});

test("the phrase of a document is a quotation, alone as well, in each spelling of its blanks", () => {
  for (const text of ["The scanner prints: Not found in the documents.", "It says not found in\nthe  documents"]) {
    expect(judged("Not found in the documents. [1]", [text])).toBe(false);
    expect(judged("It prints: not found in the documents [1].", [text])).toBe(false);
    expect(judged("It prints: not found in the documents.", [text])).toBe(false);
  }
  expect(judged("Not found in the documents [1].", ["Grain."], ["Grain.", "Not found in the documents."])).toBe(true);
});
