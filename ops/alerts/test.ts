/** `ops alerts test` */
import { readFileSync } from "node:fs";
import { parse, YAMLParseError } from "yaml";
import { z } from "zod";
import { alertRule } from "../../worker/alerts/rule.ts";
import { ALL_RULES } from "../../worker/alerts/rules.ts";
import { defineCommand } from "../command/define.ts";
import { EXIT, misuse } from "../command/errors.ts";
import { table, verdict } from "../command/output.ts";
import { builtInTests } from "./built-in-tests.ts";
import { type RuleTest, ruleTests, runRuleTest } from "./rule-tests.ts";

export const alertsTest = defineCommand({
  path: "alerts test",
  group: "alerts",
  summary: "run unit tests of the alert rules: series of readings, and which alerts must fire when",
  notes:
    "Without a file the built-in tests of every rule, which lie in ops/alerts/rule-tests/ and show the format. Needs no stack. " +
    "Exit code 1 when one fails.",
  risk: "read",
  args: z.object({ files: z.array(z.string()).default([]).describe("tests of your own, YAML or JSON") }),
  output: z.strictObject({
    passed: z.boolean(),
    tests: z.array(z.strictObject({ name: z.string(), rules: z.array(z.string()), complaints: z.array(z.string()) })),
  }),
  examples: ["alerts test", "alerts test my-rules.yaml --json"],
  async run(invocation, { files }) {
    const rules = ALL_RULES.map((rule) => alertRule.parse(rule));
    const tests = files.length === 0 ? builtInTests() : files.flatMap(readTests);
    const results = tests.map((test) => ({
      name: test.name,
      rules: test.rules,
      complaints: runRuleTest(test, rules),
    }));
    const passed = results.every(({ complaints }) => complaints.length === 0);
    const text = table(invocation.terminal, results, [
      { title: "rules", value: ({ rules }) => rules.join(", ") },
      {
        title: "result",
        value: ({ complaints }) => verdict(complaints.length === 0, invocation.colour),
        own_words: true,
      },
      { title: "test", value: ({ name, complaints }) => [name, ...complaints].join("; ") },
    ]);
    return { data: { passed, tests: results }, text, exit_code: passed ? EXIT.done : EXIT.check_failed };
  },
});

function readTests(file: string): RuleTest[] {
  const refuse = (cause: string, error: unknown) =>
    misuse(
      { op: "read tests", subject: file, cause, hint: "compare it with ops/alerts/rule-tests/service.yaml" },
      error,
    );
  let content: unknown;
  try {
    content = parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw refuse(error instanceof YAMLParseError ? "it is neither YAML nor JSON" : "it cannot be read", error);
  }
  const parsed = ruleTests.safeParse(content);
  if (parsed.success) return parsed.data;
  throw refuse(z.prettifyError(parsed.error).replaceAll("\n", " "), parsed.error);
}
