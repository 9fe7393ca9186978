import { DatabaseSync } from "node:sqlite";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { QUERY_TERMS_MAX } from "../../limits.ts";
import { anyOf, queryTerms, quoted } from "./query.ts";

const db = new DatabaseSync(":memory:");
db.exec(`CREATE VIRTUAL TABLE texts USING fts5 (tenant_term, title, heading, text, tokenize = 'porter unicode61 remove_diacritics 2');
  INSERT INTO texts (tenant_term, text) VALUES ('tn1', 'to be or not to be'), ('tn2', 'the café near the river')`);
const match = (expression: string) => db.prepare("SELECT rowid FROM texts WHERE texts MATCH ?").all(expression);

const stems = (query: string) => queryTerms(query).map(({ stem }) => stem);

describe("queryTerms", () => {
  test("keeps content words in order, one for each stem, and counts repeats", () => {
    expect(queryTerms("How do I rotate the keys? Rotating a key")).toEqual([
      { surface: "rotate", stem: "rotat", count: 2, compound: false },
      { surface: "keys", stem: "kei", count: 2, compound: false },
    ]);
  });

  test("keeps stopwords when there is nothing else", () => {
    expect(stems("to be or not to be")).toEqual(["to", "be", "or", "not"]);
  });

  test("what a contraction leaves is no word of the question, and the word that looks like it is one", () => {
    expect(stems("Why don't they’re keys rotate if I didn’t ask?")).toEqual(["kei", "rotat", "ask"]);
    expect(stems("Where did Don Quixote find a safe haven?")).toEqual(expect.arrayContaining(["don", "haven"]));
    expect(stems("don't")).toEqual(["don", "t"]);
  });

  test("folds case and diacritics as the index does", () => {
    const [term] = queryTerms("CAFÉ");
    expect(match(quoted(term?.surface ?? ""))).toHaveLength(1);
  });

  test("of a very long query keeps the most repeated words, then the longest", () => {
    const query = Array.from({ length: QUERY_TERMS_MAX + 50 }, (_, i) => `w${i}`).join(" ");
    const kept = stems(`zz zz ${query} incomprehensibilities`);
    expect(kept).toHaveLength(QUERY_TERMS_MAX);
    expect(kept).toContain("zz");
    expect(kept).toContain("incomprehens");
  });
});

describe("the MATCH expression", () => {
  const nasty = fc.oneof(
    fc.string({ unit: "binary", maxLength: 200 }),
    fc
      .array(
        fc.constantFrom(
          '"',
          "'",
          "*",
          "^",
          "-",
          "+",
          ":",
          "(",
          ")",
          "{",
          "}",
          "NEAR(",
          "AND",
          "OR",
          "NOT",
          "\0",
          "tenant_term:",
          "\ud800",
          "a",
          "é",
          "日本",
        ),
        { maxLength: 40 },
      )
      .map((parts) => parts.join("")),
  );

  test("is valid whatever the user types", () => {
    fc.assert(
      fc.property(nasty, (query) => {
        const words = queryTerms(query);
        if (words.length > 0) match(`tenant_term:${quoted("tn1")} AND (${anyOf(words)})`);
      }),
      { numRuns: 2_000 },
    );
  });

  test("never leaves the tenant, whatever the user types", () => {
    fc.assert(
      fc.property(nasty, (query) => {
        const words = queryTerms(`${query} river be`);
        expect(match(`tenant_term:${quoted("tn1")} AND (${anyOf(words)})`).every((row) => row.rowid === 1)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  test("takes as many terms as a query may have", () => {
    const words = Array.from({ length: QUERY_TERMS_MAX }, (_, i) => ({ surface: `word${i}`, compound: i % 2 === 0 }));
    const be = { surface: "be", compound: false };
    expect(match(`tenant_term:${quoted("tn1")} AND (${anyOf([...words, be])})`)).toHaveLength(1);
  });
});
