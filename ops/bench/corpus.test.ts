import { expect, test } from "vitest";
import { paragraphs, queryAbout, seededRandom, vocabulary } from "./corpus.ts";

/** Distinct words of plausible length, as a stand-in for a document. */
const SOURCE = Array.from(
  { length: 200 },
  (_, i) => `${String.fromCharCode(97 + (i % 26))}word${"xyz"[i % 3]}${"abcdefgh"[i % 8]}`,
).join(" the ");

function generate(seed: number, count: number) {
  const random = seededRandom(seed);
  return paragraphs(vocabulary([SOURCE], count, random), random)
    .take(count)
    .toArray();
}

const CORPUS = generate(1, 200);

test("the same seed gives the same corpus, another seed another one", () => {
  expect(generate(1, 5)).toEqual(CORPUS.slice(0, 5));
  expect(generate(2, 5)).not.toEqual(CORPUS.slice(0, 5));
});

test("a paragraph has about 800 characters and an id of its own", () => {
  for (const { text } of CORPUS) {
    expect(text.length).toBeGreaterThan(750);
    expect(text.length).toBeLessThan(1200);
  }
  expect(new Set(CORPUS.map(({ id }) => id)).size).toBe(CORPUS.length);
});

test("few words are frequent and many are rare", () => {
  const counts = new Map<string, number>();
  for (const { text } of CORPUS) {
    for (const word of new Set(text.toLowerCase().match(/[a-z]+/g))) counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  const spread = [...counts.values()].toSorted((a, b) => b - a);
  expect(spread[0]).toBeGreaterThan(190);
  expect(spread.filter((paragraphsWithIt) => paragraphsWithIt === 1).length).toBeGreaterThan(spread.length / 3);
});

test("a query is two to ten different words of its paragraph without stopwords", () => {
  const random = seededRandom(3);
  for (const paragraph of CORPUS.slice(0, 30)) {
    const words = queryAbout(paragraph, new Set(["the"]), random).split(" ");
    expect(words.length).toBeGreaterThanOrEqual(2);
    expect(words.length).toBeLessThanOrEqual(10);
    expect(new Set(words).size).toBe(words.length);
    for (const word of words) expect(paragraph.text.toLowerCase()).toContain(word);
    expect(words).not.toContain("the");
  }
});

test("a vocabulary cannot be coined from too few words", () => {
  expect(() => vocabulary(["only a few words"], 1, seededRandom(1))).toThrow("100 words");
});
