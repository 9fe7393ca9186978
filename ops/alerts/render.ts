/** `ops alerts render` */
import { z } from "zod";
import { ALL_RULES } from "../../worker/alerts/rules.ts";
import { defineCommand } from "../command/define.ts";
import { grafanaDashboard } from "./grafana.ts";
import { prometheusRules } from "./prometheus.ts";

export const alertsRender = defineCommand({
  path: "alerts render",
  group: "alerts",
  summary: "the alert rules as Prometheus rules, or as a Grafana dashboard",
  notes:
    "For whoever scrapes /metrics. Rules on what Prometheus cannot see (heartbeats, queues, channels) are named and left to PRISM.",
  risk: "read",
  args: z.object({ format: z.enum(["prometheus", "grafana"]).describe("which of the two") }),
  output: z.strictObject({
    format: z.enum(["prometheus", "grafana"]),
    rendered: z.string(),
    left_out: z.array(z.string()).describe("rules whose metrics Prometheus does not have"),
  }),
  examples: ["alerts render prometheus > prism.rules.yaml", "alerts render grafana > prism-dashboard.json"],
  async run(_invocation, { format }) {
    const { text, left_out } = format === "prometheus" ? prometheusRules(ALL_RULES) : grafanaDashboard(ALL_RULES);
    return { data: { format, rendered: text, left_out }, text: text.trimEnd() };
  },
});
