import { describe, expect, test } from "vitest";
import { paraphrases } from "./paraphrases.ts";
import { stems, termOf } from "./terms.ts";

const standsFor = (query: string, word: string): string[] => [...(paraphrases(stems(query)).get(termOf(word)) ?? [])];

describe("what may stand for a word of a question", () => {
  test("a word that documentation says instead, either way round and however both are inflected", () => {
    expect(standsFor("How do I erase old snapshots?", "erase")).toContain(termOf("deleting"));
    expect(standsFor("Deleted snapshots?", "deleted")).toContain(termOf("erase"));
  });

  test("a word that says what a phrase says, also where its parts stand apart, but not far", () => {
    for (const query of ["How do I turn off colours?", "How do I turn the coloured output off?"])
      expect(standsFor(query, "turn")).toContain(termOf("disable"));
    expect(standsFor("Does it turn the mill of the village when the wind is off?", "turn")).toEqual([]);
    expect(standsFor("Off we go: whose turn is it?", "turn")).toEqual([]);
  });

  test("a word written out for its abbreviation, and a default for what holds where nothing is said", () => {
    expect(standsFor("Where is the config of the repo?", "config")).toContain(termOf("configuration"));
    expect(standsFor("Which port is it out of the box?", "box")).toContain(termOf("default"));
    expect(standsFor("What does it do unless I say otherwise?", "otherwise")).toContain(termOf("default"));
  });

  test("never a word that the question has itself, and none for a word that has no other", () => {
    expect(standsFor("Is erase the same as delete?", "erase")).not.toContain(termOf("delete"));
    expect(paraphrases(stems("ibex moss ledge"))).toEqual(new Map());
    expect(paraphrases([])).toEqual(new Map());
  });
});
