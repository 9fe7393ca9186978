/** `ops alerts list` */
import { z } from "zod";
import { alertList } from "../../worker/schemas/alerts.ts";
import { defineCommand } from "../command/define.ts";
import { EXIT } from "../command/errors.ts";
import { table } from "../command/output.ts";
import { readAlerts } from "./answers.ts";

const CONFIGURATIONS = {
  none: "none, so that nobody is told (docs/alerts.md)",
  valid: "valid",
  invalid: "invalid",
} as const;

export const alertsList = defineCommand({
  path: "alerts list",
  group: "alerts",
  summary: "alerts that are pending, fire, or have resolved in the last hour; jobs that report, and deliveries",
  notes: "Exit code 1 when an alert fires that is neither acknowledged nor silenced.",
  risk: "read",
  output: z.strictObject(alertList.shape),
  examples: ["alerts list", "alerts list --stack production --json"],
  async run(invocation) {
    const found = await readAlerts(await invocation.client());
    const drawn = table(invocation.terminal, found.alerts, [
      { title: "alert", value: ({ id }) => id },
      { title: "state", value: ({ state }) => state },
      { title: "severity", value: ({ severity }) => severity },
      { title: "since", value: ({ since }) => since },
      { title: "value", value: ({ value }) => (value === null ? "-" : Number(value.toPrecision(4))), align: "right" },
      { title: "acknowledged", value: ({ acknowledged }) => acknowledged?.by ?? "-" },
      { title: "silenced until", value: ({ silenced_until }) => silenced_until ?? "-" },
      { title: "runbook", value: ({ runbook }) => runbook ?? "-" },
    ]);
    const waiting = found.deliveries.filter(({ state }) => state !== "sent");
    const named = found.alerts.find(({ state, runbook }) => state === "firing" && runbook !== null);
    const lines = [
      found.alerts.length === 0 ? "No alert is pending, fires, or has resolved in the last hour." : drawn,
      `Evaluated every five minutes, last: ${found.evaluated_at ?? "never yet"}. Configuration: ${CONFIGURATIONS[found.configuration]}.`,
      ...(waiting.length === 0 ? [] : [`Deliveries that did not get through: ${waiting.length} (--json lists them)`]),
      ...(named === undefined
        ? []
        : [
            `Runbook: npm run ops -- runbook run ${named.runbook}`,
            `Callers hurt? npm run ops -- incident open --alert ${named.id}`,
            `Somebody is at work on it: npm run ops -- alerts ack ${named.id}`,
          ]),
    ];
    const isOpen = found.alerts.some(
      ({ state, acknowledged, silenced_until }) =>
        state === "firing" && acknowledged === null && silenced_until === null,
    );
    return { data: found, text: lines.join("\n"), exit_code: isOpen ? EXIT.check_failed : EXIT.done };
  },
});
