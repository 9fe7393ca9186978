import { describe, expect, test } from "vitest";
import { answerType, holdsType } from "./answer-type.ts";

describe("answer types", () => {
  test.each([
    ["How many parts can an upload have?", "number"],
    ["What is the maximum size of a message?", "number"],
    ["When was the key revoked?", "date"],
    ["In what year did it start?", "date"],
    ["Who wrote the runbook?", "name"],
    ["Which room holds the tests?", "name"],
    ["When a store is down, how does search behave?", "other"],
    ["Why does the export fail?", "other"],
  ])("%s asks for: %s", (question, type) => {
    expect(answerType(question)).toBe(type);
  });

  test("a sentence holds a name only if the question did not say it", () => {
    expect(holdsType("name", "It was built by Josiah Plum.", new Set())).toBe(true);
    expect(holdsType("name", "It was built by Kelm.", new Set(["kelm"]))).toBe(false);
    expect(holdsType("name", "Built of stone.", new Set())).toBe(false);
  });

  test("numbers may be words, dates may be months or centuries", () => {
    expect(holdsType("number", "It has nine arches.", new Set())).toBe(true);
    expect(holdsType("date", "It fell in the 19th century.", new Set())).toBe(true);
    expect(holdsType("date", "It fell long ago.", new Set())).toBe(false);
  });
});
