/** `ops alerts test-channel` */
import { z } from "zod";
import { channelTestAnswer } from "../../worker/schemas/alerts.ts";
import { defineCommand } from "../command/define.ts";
import { EXIT } from "../command/errors.ts";
import type { Outcome } from "../command/invocation.ts";
import { harmless } from "../command/output.ts";

const output = z.union([
  z.strictObject(channelTestAnswer.shape),
  z.strictObject({ dry_run: z.literal(true), channel: z.string() }),
]);

export const alertsTestChannel = defineCommand({
  path: "alerts test-channel",
  group: "alerts",
  summary: "send a test message through a channel, from where alerts come from",
  notes: "Exit code 1 when the channel did not take it. PagerDuty opens an incident for it.",
  risk: "change",
  args: z.object({ channel: z.string().describe("its id in the configuration of alerts") }),
  output,
  examples: ["alerts test-channel slack"],
  async run(invocation, { channel }): Promise<Outcome<z.infer<typeof output>>> {
    if (invocation.dry_run)
      return { data: { dry_run: true, channel }, text: `Would send a test message to ${harmless(channel)}` };
    const client = await invocation.client();
    const data = await client.post("/api/v1/alerts/test", { channel }, { answer: channelTestAnswer });
    return {
      data,
      text: data.delivered
        ? `${harmless(channel)} took it`
        : `${harmless(channel)} did not take it: ${harmless(data.error ?? "")}`,
      exit_code: data.delivered ? EXIT.done : EXIT.check_failed,
      audit: { detail: { channel, delivered: data.delivered } },
    };
  },
});
