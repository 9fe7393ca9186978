import { DatabaseSync } from "node:sqlite";
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  askedNames,
  codeIndexWords,
  declarationTerm,
  declaredNames,
  identifierWords,
  nameParts,
} from "./identifiers.ts";
import { anyOf, queryTerms, quoted } from "./query.ts";

const part = fc.constantFrom("max", "token", "http", "reader", "of", "grün", "x2", "длина", "id");
const capital = (word: string): string => word.slice(0, 1).toUpperCase() + word.slice(1);
const parts = fc.array(part, { minLength: 2, maxLength: 5 });
const convention = fc.constantFrom(
  (words: string[]) => words.map((word, at) => (at === 0 ? word : capital(word))).join(""),
  (words: string[]) => words.map(capital).join(""),
  (words: string[]) => words.join("_"),
  (words: string[]) => words.join("_").toUpperCase(),
);

const database = new DatabaseSync(":memory:");
database.exec(
  `CREATE VIRTUAL TABLE chunks USING fts5 (text, words, tokenize = 'porter unicode61 remove_diacritics 2')`,
);
const put = database.prepare("INSERT INTO chunks (rowid, text, words) VALUES (1, ?, ?)");
const find = database.prepare("SELECT count(*) AS found FROM chunks WHERE chunks MATCH ?");

function store(text: string, words: string): void {
  database.exec("DELETE FROM chunks");
  put.run(text, words);
}
const found = (query: string): boolean =>
  queryTerms(query).every((term) => find.get(anyOf([{ ...term, compound: false }]))?.found === 1);

test("a name in code is found whole, in every convention, and by its parts", () => {
  fc.assert(
    fc.property(parts, convention, convention, (words, write, ask) => {
      const text = `let ${write(words)} = 1;`;
      store(text, codeIndexWords("a.ts", "", text));
      expect(found(words.join(" "))).toBe(true);
      // Several names may share one key; what is asked in another convention of capitals is one word there and here.
      expect(found(write(words))).toBe(true);
      expect(found(ask(words))).toBe(true);
    }),
  );
});

test("names are cut at humps, underscores and before the last capital of several", () => {
  expect(nameParts("normaliseText")).toEqual(["normalise", "Text"]);
  expect(nameParts("XMLHttpRequest")).toEqual(["XML", "Http", "Request"]);
  expect(nameParts("__init_subclass__")).toEqual(["init", "subclass"]);
  expect(nameParts("MAX_CHUNK_TOKENS")).toEqual(["MAX", "CHUNK", "TOKENS"]);
  expect(nameParts("sha256Hex")).toEqual(["sha256", "Hex"]);
});

test("each compound name yields its words once, and what full text finds by itself none", () => {
  expect(identifierWords("maxTokens(maxTokens, max_tokens, plain)")).toBe("max Tokens maxtokens");
  expect(identifierWords(`const data = "${"aB".repeat(5_000)}"`)).toBe("");
});

test("a heading declares its names, alone and with their owners, but not those that an earlier chunk began", () => {
  expect([...declaredNames("Packer.addPiece, chunk_size, Reader.walk …").keys()]).toEqual([
    "packeraddpiece",
    "addpiece",
    "chunksize",
  ]);
  expect(declaredNames("").size).toBe(0);
});

test("a short query may be a name as a whole; of a question, only what is written like a name is one", () => {
  expect([...askedNames("normalise text").keys()]).toEqual(["normalisetext"]);
  const question = "What does Packer.addPiece do when max_tokens or close() is too small for the text?";
  expect([...askedNames(question).keys()]).toEqual(["packeraddpiece", "addpiece", "maxtokens", "close"]);
  expect(askedNames("How do I rotate the key of a tenant that has left the company?").size).toBe(0);
  expect(askedNames("?!").size).toBe(0);
});

test("a name that is asked for finds the chunk that declares it, and no other, whatever the name is", () => {
  const name = fc.oneof(
    fc.string({ unit: "binary", maxLength: 60 }),
    parts.map((words) => words.join(" ")),
  );
  fc.assert(
    fc.property(name, name, (asked, other) => {
      for (const key of askedNames(asked).keys()) {
        const isDeclared = (): boolean => find.get(quoted(declarationTerm(key)))?.found === 1;
        store("", declarationTerm(key));
        expect(isDeclared()).toBe(true);
        const others = [...askedNames(other).keys()].filter((otherKey) => otherKey !== key);
        store(asked, others.map(declarationTerm).join(" "));
        expect(isDeclared()).toBe(false);
      }
    }),
    { numRuns: 30 },
  );
});
