/** `ops alerts silence` */
import { z } from "zod";
import { MINUTE_MS } from "../../worker/ground/time.ts";
import { SILENCE_MINUTES_MAX } from "../../worker/limits.ts";
import { silenceAnswer } from "../../worker/schemas/alerts.ts";
import { defineCommand } from "../command/define.ts";
import type { Outcome } from "../command/invocation.ts";
import { duration } from "../command/options.ts";
import { harmless } from "../command/output.ts";
import { refuseUnknownAlert } from "./answers.ts";

const output = z.union([
  z.strictObject(silenceAnswer.shape),
  z.strictObject({ dry_run: z.literal(true), id: z.string(), minutes: z.number(), reason: z.string() }),
]);

export const alertsSilence = defineCommand({
  path: "alerts silence",
  group: "alerts",
  summary: "tell nobody of an alert, or of all alerts of a rule, for a while",
  notes: "It is evaluated on. If it still fires when the silence ends, it is told then.",
  risk: "change",
  args: z.object({ id: z.string().describe("of an alert or a rule, as alerts list shows it") }),
  options: z.object({
    for: duration
      .refine((for_ms) => for_ms <= SILENCE_MINUTES_MAX * MINUTE_MS, "a week is the most")
      .prefault("1h")
      .meta({ placeholder: "span", description: "how long, a week at most: 30m, 4h, 2d" }),
    reason: z.string().describe("why; shown with the alert"),
  }),
  output,
  examples: ['alerts silence queue-depth --for 2h --reason "bulk import"'],
  async run(invocation, { id, for: for_ms, reason }): Promise<Outcome<z.infer<typeof output>>> {
    const minutes = Math.max(1, Math.round(for_ms / MINUTE_MS));
    const client = await invocation.client();
    if (invocation.dry_run) {
      await refuseUnknownAlert(client, "silence", id, true);
      return { data: { dry_run: true, id, minutes, reason }, text: `Would silence ${harmless(id)} for ${minutes} min` };
    }
    const path = `/api/v1/alerts/${encodeURIComponent(id)}/silence`;
    const data = await client.post(path, { minutes, reason }, { repeatable: true, answer: silenceAnswer });
    return { data, text: `Silenced ${data.id} until ${data.until}`, audit: { detail: { id, minutes } } };
  },
});
