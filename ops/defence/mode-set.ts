/** `ops mode set` */
import { z } from "zod";
import { MODES } from "../../worker/ground/mode.ts";
import { RATE_TIERS } from "../../worker/ground/principal.ts";
import { modeView } from "../../worker/schemas/defence.ts";
import { defineCommand } from "../command/define.ts";
import { MODE_PATH, shownMode } from "./mode.ts";

export const modeSet = defineCommand({
  path: "mode set",
  group: "security",
  summary: "set the mode of the service: normal, degraded, maintenance, emergency",
  notes: "What each does is in docs/defence.md. It acts everywhere within a minute and a half. `emergency` asks first.",
  risk: "change",
  asks: true,
  args: z.object({ mode: z.enum(MODES).describe("from now on") }),
  options: z.object({
    reason: z.string().min(1).describe("why, for the audit log"),
    rate_tier_max: z.enum(RATE_TIERS).optional().describe("no key but those of admins has a higher rate tier"),
  }),
  output: z.strictObject({ before: z.strictObject(modeView.shape), after: z.strictObject(modeView.shape) }),
  examples: ['mode set maintenance --reason "ticket 4711"', 'mode set normal --reason "ticket 4711 is done"'],
  async run(invocation, { mode, reason, rate_tier_max = null }) {
    const client = await invocation.client();
    const before = await client.get(MODE_PATH, modeView);
    if (invocation.dry_run) {
      const after = { ...before, mode, reason, rate_tier_max };
      return { data: { before, after }, text: `${before.mode} would become ${mode}.` };
    }
    if (mode === "emergency")
      await invocation.confirm({ op: "close the service to all but admins", subject: invocation.stack });
    const after = await client.put(MODE_PATH, { mode, reason, rate_tier_max }, { answer: modeView });
    const audit = { detail: { from: before.mode, to: mode, rate_tier_max, reason } };
    return { data: { before, after }, text: `${before.mode} became ${shownMode(after)}`, audit };
  },
});
