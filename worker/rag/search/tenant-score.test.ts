import { expect, test } from "vitest";
import { queryTerms } from "../text/query.ts";
import { stems, termSet } from "../text/terms.ts";
import { readCandidates } from "./candidates.ts";
import { scoreWithinTenant } from "./tenant-score.ts";
import { writtenNames } from "./written-names.ts";

/** Texts ranked for a query, each a document of its own, among which its words are counted. */
function ranked(query: string, texts: readonly string[]): string[] {
  const terms = queryTerms(query);
  const set = termSet(stems(query));
  const rows = texts.map((text, id) => ({
    ...{ chunk_id: id, document_id: `${id}`, title: "", heading: "", text, format: "text" as const, url: null },
    ...{ metadata: "{}", token_count: 9, document_tokens: 9 },
  }));
  const candidates = readCandidates(rows, set, terms, new Map(), writtenNames(query));
  const holding = terms.map(({ stem }) => {
    const number = set.index.get(stem) ?? 0;
    return candidates.filter(({ frequency }) => (frequency[number] ?? 0) > 0).length;
  });
  return scoreWithinTenant(candidates, terms, set, { chunks: texts.length, holding }, () => 1).map(
    ({ id }) => texts[id] ?? "",
  );
}

test("the other spelling of a compound says no more than its parts, however rare it is", () => {
  const sails = "The sails of the paper-kite are of silk.";
  const code = "Call paperkite, and paperkite again.";
  const days = Array.from({ length: 20 }, (_, day) => `The paper-kite flew on day ${day}.`);
  expect(ranked("Of what are the sails of the paper-kite?", [...days, code, sails])[0]).toBe(sails);
  const others = ["The kite flew.", "A paper."];
  expect(ranked("paper-kite", [...others, code]).at(0)).toBe(code);
});

test.each([
  [
    "What is the default of --target?",
    "The option --target=x64 has a default.",
    "A target has a default target, and the target is the default.",
  ],
  [
    "When was 12.0.0 released?",
    "12.0.0 was released in May.",
    "12.1.0 was released in June, 12.2.0 was released 0 days later.",
  ],
  ["What does max_rows do?", "Set max_rows.", "The rows of a table have a max, and rows at the max stay."],
])("a name that is written as the query writes it says more than its words: %s", (query, exact, words) => {
  const others = Array.from({ length: 8 }, (_, day) => `On day ${day} nothing happened.`);
  expect(ranked(query, [...others, words, exact])[0]).toBe(exact);
});

test("a name that every candidate writes tells none from another", () => {
  const texts = ["mill.stone oil oil", "mill.stone mill.stone wood", "mill.stone mill.stone mill.stone wood"];
  expect(ranked("mill.stone oil", texts)[0]).toBe(texts[0]);
});
