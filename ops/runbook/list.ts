/** `ops runbook list` */
import { z } from "zod";
import { defineCommand } from "../command/define.ts";
import { harmless, table } from "../command/output.ts";
import { RISKS } from "./attributes.ts";
import { allRunbooks, type KnownRunbook, runbookFacts } from "./library.ts";

const listed = z.strictObject({
  ...runbookFacts,
  steps: z.int(),
  risk: z.enum(RISKS).describe("the most that any of its steps risks"),
  problems: z.array(z.string()).describe("why it cannot be executed"),
});

export const runbookList = defineCommand({
  path: "runbook list",
  group: "incident",
  summary: "runbooks: what they are for, which alerts lead there, how much they risk, when they were last proven",
  risk: "read",
  output: z.strictObject({ runbooks: z.array(listed) }),
  examples: ["runbook list"],
  async run({ terminal }) {
    const runbooks = (await allRunbooks()).map(entryOf).sort((a, b) => a.severity.localeCompare(b.severity));
    const text = table(terminal, runbooks, [
      { title: "severity", value: ({ severity }) => severity },
      { title: "runbook", value: ({ id, problems }) => (problems.length > 0 ? `${id} (cannot be executed)` : id) },
      { title: "for", value: ({ title }) => title },
      { title: "alerts", value: ({ alerts }) => alerts.join(", ") },
      { title: "steps", value: ({ steps }) => steps, align: "right" },
      { title: "risk", value: ({ risk }) => risk },
      { title: "last drilled", value: ({ last_drilled }) => last_drilled },
    ]);
    const broken = runbooks.flatMap(({ id, problems }) => problems.map((problem) => `${id}: ${harmless(problem)}`));
    return { data: { runbooks }, text: [text, ...broken].join("\n") };
  },
});

function entryOf({ id, title, front_matter, steps, problems }: KnownRunbook): z.infer<typeof listed> {
  return {
    id,
    title: title ?? id,
    severity: front_matter?.severity ?? "?",
    services: front_matter?.services ?? [],
    alerts: front_matter?.alerts ?? [],
    steps: steps.length,
    risk: RISKS.findLast((risk) => steps.some((step) => step.risk === risk)) ?? "read",
    last_drilled: front_matter?.last_drilled ?? "never",
    problems: problems.map(({ line, message }) => `line ${line}: ${message}`),
  };
}
