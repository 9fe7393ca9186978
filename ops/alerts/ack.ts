/** `ops alerts ack` */
import { z } from "zod";
import { acknowledgement } from "../../worker/schemas/alerts.ts";
import { defineCommand } from "../command/define.ts";
import type { Outcome } from "../command/invocation.ts";
import { harmless } from "../command/output.ts";
import { refuseUnknownAlert } from "./answers.ts";

const output = z.union([
  z.strictObject(acknowledgement.shape),
  z.strictObject({ dry_run: z.literal(true), id: z.string() }),
]);

export const alertsAck = defineCommand({
  path: "alerts ack",
  group: "alerts",
  summary: "say that somebody is at work on an alert: it is escalated no further",
  risk: "change",
  args: z.object({ id: z.string().describe("the alert's id, as alerts list shows it") }),
  output,
  examples: ["alerts ack error-rate"],
  async run(invocation, { id }): Promise<Outcome<z.infer<typeof output>>> {
    const client = await invocation.client();
    if (invocation.dry_run) {
      await refuseUnknownAlert(client, "acknowledge", id, false);
      return { data: { dry_run: true, id }, text: `Would acknowledge ${harmless(id)}` };
    }
    const path = `/api/v1/alerts/${encodeURIComponent(id)}/ack`;
    const data = await client.post(path, undefined, { repeatable: true, answer: acknowledgement });
    return { data, text: `Acknowledged ${data.id} at ${data.acknowledged.at}`, audit: { detail: { id } } };
  },
});
