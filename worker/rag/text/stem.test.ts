import { DatabaseSync } from "node:sqlite";
import fc from "fast-check";
import { expect, test } from "vitest";
import { stem } from "./stem.ts";

/** What FTS5 puts into its index for each word. */
function indexed(words: readonly string[]): string[] {
  const db = new DatabaseSync(":memory:");
  db.exec(`CREATE VIRTUAL TABLE words USING fts5 (word, tokenize = 'porter unicode61');
    CREATE VIRTUAL TABLE terms USING fts5vocab (words, 'instance')`);
  const insert = db.prepare("INSERT INTO words (rowid, word) VALUES (?, ?)");
  words.forEach((word, index) => {
    insert.run(index + 1, word);
  });
  const terms = db.prepare("SELECT term FROM terms ORDER BY doc").all() as { term: string }[];
  db.close();
  return terms.map(({ term }) => term);
}

test("a doubled y is a doubled consonant, as in FTS5", () => {
  const words = ["yyed", "ayying", "byyed"];
  expect(words.map(stem)).toEqual(indexed(words));
});

test("a stem is what FTS5's porter tokenizer indexes, for endings in every combination", () => {
  const part = fc.constantFrom(
    ..."a e i o u y b l s t z at bl iz ss ll eed ing ed ies ational ization iveness ement ion ous ical ful ator".split(
      " ",
    ),
  );
  const word = fc.array(part, { minLength: 1, maxLength: 6 }).map((parts) => parts.join(""));
  fc.assert(
    fc.property(fc.array(word, { minLength: 50, maxLength: 100 }), (words) => {
      expect(words.map(stem)).toEqual(indexed(words));
    }),
    { numRuns: 40 },
  );
});

test("a stem is what FTS5's porter tokenizer indexes, for any letters and digits", () => {
  const letter = fc.constantFrom(..."abcdefghijklmnopqrstuvwxyz0123456789");
  const word = fc.string({ unit: letter, minLength: 1, maxLength: 70 });
  fc.assert(
    fc.property(fc.array(word, { minLength: 50, maxLength: 100 }), (words) => {
      expect(words.map(stem)).toEqual(indexed(words));
    }),
    { numRuns: 20 },
  );
});
