/** The tests of the built-in rules, which lie in `rule-tests/` as an operator's own would. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { type RuleTest, ruleTests } from "./rule-tests.ts";

const FOLDER = join(import.meta.dirname, "rule-tests");

/** All of them. @throws ZodError where one is malformed. */
export function builtInTests(): RuleTest[] {
  return readdirSync(FOLDER)
    .sort()
    .flatMap((file) => ruleTests.parse(parse(readFileSync(join(FOLDER, file), "utf8"))));
}
