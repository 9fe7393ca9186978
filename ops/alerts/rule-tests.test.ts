import { expect, test } from "vitest";
import { ALL_RULES } from "../../worker/alerts/rules.ts";
import { builtInTests } from "./built-in-tests.ts";
import { runRuleTest } from "./rule-tests.ts";

const tests = builtInTests();

test.each(tests)("$rules: $name", (one) => {
  expect(runRuleTest(one, ALL_RULES)).toEqual([]);
});

test("every rule has a test in which it fires and in which it does not", () => {
  for (const { id } of ALL_RULES) {
    const states = tests
      .filter(({ rules }) => rules.includes(id))
      .flatMap(({ firing }) => Object.values(firing).map((ids) => ids.some((one) => one.split(":")[0] === id)));
    expect([id, new Set(states).size]).toEqual([id, 2]);
  }
});
