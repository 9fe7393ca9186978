/** `ops baseline update` */
import { z } from "zod";
import { counted } from "../../worker/ground/counted.ts";
import { PERIODS } from "../../worker/schemas/metrics.ts";
import { baseline } from "../../worker/schemas/monitoring.ts";
import { defineCommand } from "../command/define.ts";
import type { Outcome } from "../command/invocation.ts";

const output = z.union([
  z.strictObject(baseline.shape),
  z.strictObject({ dry_run: z.literal(true), period: z.enum(PERIODS) }),
]);

export const baselineUpdate = defineCommand({
  path: "baseline update",
  group: "usage",
  summary: "take how the service does now as how it should do: reports then tell what became worse",
  notes: "The baseline before is replaced. Take it after a good week, not in the middle of an incident.",
  risk: "change",
  options: z.object({ period: z.enum(PERIODS).default("7d").describe("what it is taken from") }),
  output,
  examples: ["baseline update", "baseline update --period 24h --dry-run"],
  async run(invocation, { period }): Promise<Outcome<z.input<typeof output>>> {
    if (invocation.dry_run)
      return { data: { dry_run: true, period }, text: `Would take the last ${period} as the new baseline` };
    const client = await invocation.client();
    const taken = await client.post("/monitoring/baseline-update", { period }, { answer: baseline });
    const { requests, p95_latency_ms } = taken.all;
    return {
      data: taken,
      text: `The baseline is the last ${period}: ${counted(requests, "request")}, p95 ${Math.round(p95_latency_ms ?? 0)} ms, ${taken.endpoints.length} routes`,
      audit: { detail: { period, requests } },
    };
  },
});
