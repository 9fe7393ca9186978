/** `ops db slow` */
import { z } from "zod";
import { slowStatements } from "../../worker/schemas/monitoring.ts";
import { defineCommand } from "../command/define.ts";
import { table } from "../command/output.ts";
import { readSlowStatements } from "./slow-statements.ts";

export const dbSlow = defineCommand({
  path: "db slow",
  group: "data",
  summary: "the slowest statements of D1 that the service met, with their plans",
  notes: "Of all isolates, by the meter; literals stand as ?. npm run ops -- db indexes says which want an index.",
  risk: "read",
  output: z.strictObject({ statements: slowStatements }),
  examples: ["db slow", "db slow --json"],
  async run(invocation) {
    const { slow_statements: statements } = await readSlowStatements(await invocation.client());
    const drawn = table(invocation.terminal, statements, [
      { title: "slowest ms", value: ({ max_ms }) => Math.round(max_ms), align: "right" },
      { title: "times", value: ({ times }) => times, align: "right" },
      { title: "last", value: ({ last_at }) => last_at },
      { title: "statement", value: ({ statement }) => statement },
      { title: "plan", value: ({ plan }) => plan },
    ]);
    return { data: { statements }, text: statements.length === 0 ? "No statement was slow." : drawn };
  },
});
