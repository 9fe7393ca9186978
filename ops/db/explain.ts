/** `ops db explain` */
import { z } from "zod";
import { counted } from "../../worker/ground/counted.ts";
import { advice } from "../../worker/schemas/monitoring.ts";
import { defineCommand } from "../command/define.ts";
import { liveDatabase, openStack } from "../stack/delivery.ts";
import { planStep, queryPlan, scansOf } from "./query-plan.ts";

export const dbExplain = defineCommand({
  path: "db explain",
  group: "data",
  summary: "how D1 would answer a query: its plan, the tables that it reads from end to end, advice",
  notes: "EXPLAIN QUERY PLAN on the live database: the query itself is not run. Anything but one SELECT is refused.",
  risk: "read",
  args: z.object({ sql: z.string().describe("one SELECT; ? stands for any value") }),
  output: z.strictObject({
    steps: z.array(planStep),
    scans: z.array(z.strictObject({ table: z.string(), rows: z.int() })),
    advice,
  }),
  examples: ['db explain "SELECT id FROM chunks WHERE document_id = 7"'],
  async run(invocation, { sql }) {
    const connection = await liveDatabase(await openStack(invocation));
    const steps = await queryPlan(connection, sql);
    const { scans, advice } = await scansOf(connection, sql, steps);
    const depth = new Map<number, number>();
    const lines = steps.map(({ id, parent, detail }) => {
      depth.set(id, (depth.get(parent) ?? -1) + 1);
      return `${"  ".repeat(depth.get(id) ?? 0)}${detail}`;
    });
    const read = scans.map(({ table, rows }) => `Reads all ${counted(rows, "row")} of ${table}.`);
    return {
      data: { steps, scans, advice },
      text: [...lines, ...read, ...advice.map(({ table, advice }) => `${table}: ${advice}`)].join("\n"),
    };
  },
});
