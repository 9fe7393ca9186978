/** `ops runbook show` */
import { z } from "zod";
import { defineCommand } from "../command/define.ts";
import { harmless } from "../command/output.ts";
import { conditionTold, expectationTold, RISKS } from "./attributes.ts";
import { runbookFacts, soundRunbook } from "./library.ts";
import { variablesOf } from "./variables.ts";

const shownStep = z.strictObject({
  name: z.string(),
  section: z.string(),
  risk: z.enum(RISKS),
  when: z.string().nullable(),
  expect: z.string().nullable(),
  undo: z.string().nullable(),
  timeout_ms: z.int().nullable(),
  variables: z.array(z.string()),
  commands: z.string(),
});

export const runbookShow = defineCommand({
  path: "runbook show",
  group: "incident",
  summary: "print a runbook, its steps with risk, condition, expectation and the variables they need",
  risk: "read",
  args: z.object({ id: z.string().describe("a runbook, or an alert that leads to one") }),
  output: z.strictObject({
    ...runbookFacts,
    sections: z.record(z.string(), z.string()).describe("Markdown, by title"),
    steps: z.array(shownStep),
  }),
  examples: ["runbook show search-wrong", "runbook show search-wrong --json"],
  async run(_, { id }) {
    const { front_matter, title, sections, steps, markdown } = await soundRunbook(id);
    const { severity, services, alerts, last_drilled } = front_matter;
    const shown = steps.map(({ name, section, risk, when, expect, undo, timeout_ms, commands }) => ({
      name,
      section,
      risk,
      when: when && conditionTold(when),
      expect: expect && expectationTold(expect),
      undo,
      timeout_ms,
      variables: variablesOf(commands),
      commands,
    }));
    const data = {
      ...{ id: front_matter.id, title, severity, services, alerts, last_drilled },
      sections: Object.fromEntries(sections.map((section) => [section.title, section.text])),
      steps: shown,
    };
    return { data, text: markdown.trimEnd().split("\n").map(harmless).join("\n") };
  },
});
