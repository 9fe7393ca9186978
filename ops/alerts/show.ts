/** `ops alerts show` */
import { z } from "zod";
import { METRICS } from "../../worker/alerts/metrics.ts";
import { type AlertRule, alertRule, type Clause } from "../../worker/alerts/rule.ts";
import { ALL_RULES } from "../../worker/alerts/rules.ts";
import { alertList } from "../../worker/schemas/alerts.ts";
import { defineCommand } from "../command/define.ts";
import { OpsError } from "../command/errors.ts";
import { harmless } from "../command/output.ts";
import { readAlerts } from "./answers.ts";

export const alertsShow = defineCommand({
  path: "alerts show",
  group: "alerts",
  summary: "an alert or a rule: condition, state, runbook, deliveries, and what changed lately",
  risk: "read",
  args: z.object({ id: z.string().describe("of an alert or a rule, as alerts list shows it") }),
  output: z.strictObject({
    rule: z.record(z.string(), z.unknown()).describe("as `worker/alerts/rules.ts` has it"),
    ...alertList.pick({ alerts: true, deliveries: true, changes: true }).shape,
  }),
  examples: ["alerts show error-rate", "alerts show quota-high:kv_writes --json"],
  async run(invocation, { id }) {
    const rule = ALL_RULES.find((one) => one.id === id.split(":")[0]);
    if (rule === undefined)
      throw new OpsError({
        op: "show",
        subject: `alert ${id}`,
        cause: "there is no rule of this name",
        hint: `choose of: ${ALL_RULES.map((one) => one.id).join(", ")}`,
      });
    const found = await readAlerts(await invocation.client());
    const alerts = found.alerts.filter((alert) => alert.id === id || alert.rule === id);
    const ids = new Set(alerts.map((alert) => alert.id));
    const deliveries = found.deliveries.filter(({ alert }) => ids.has(alert) || alert === id);
    const text = [
      `${rule.id}: ${rule.summary}`,
      `Fires when ${conditionText(rule)}${rule.for_min === 0 ? "" : `, for ${rule.for_min} min`}`,
      `Severity ${rule.severity}, told to the route ${rule.channels}; runbook ${rule.runbook === null ? "none" : `runbooks/${rule.runbook}.md`}`,
      ...(alerts.length === 0 ? ["No alert of it is known now"] : []),
      ...alerts.map(
        ({ id: alert, state, since, value }) =>
          `${harmless(alert)}: ${state} since ${since}${value === null ? "" : `, value ${value}`}`,
      ),
      ...deliveries.map(({ channel, kind, state, at, error }) =>
        harmless(`${kind} to ${channel}: ${state} at ${at}${error === null ? "" : ` (${error})`}`),
      ),
      ...found.changes.slice(0, 5).map(({ at, kind, summary }) => harmless(`Changed: ${at} ${kind}: ${summary}`)),
    ].join("\n");
    return { data: { rule: { ...alertRule.parse(rule) }, alerts, deliveries, changes: found.changes }, text };
  },
});

/** A rule's condition in words. */
export function conditionText({ condition }: AlertRule): string {
  return "all" in condition
    ? condition.all.map(clauseText).join(" and ")
    : `there is a change of kind ${condition.change}`;
}

function clauseText({ metric, window_min, where = {}, is, value }: Clause): string {
  const of = Object.entries(where).map(([name, label]) => ` of ${name} ${label}`);
  const window = METRICS[metric].windowed ? ` over ${window_min} min` : "";
  return `${metric}${of.join("")}${window} ${is} ${value}`;
}
