/** The service's mode as its API shows it. */
import { z } from "zod";
import { MODES } from "../../worker/ground/mode.ts";
import { RATE_TIERS } from "../../worker/ground/principal.ts";
import { harmless } from "../command/output.ts";

export const MODE_PATH = "/api/v1/mode";

export const modeView = z.object({
  mode: z.enum(MODES),
  rate_tier_max: z.enum(RATE_TIERS).nullable(),
  reason: z.string(),
  since: z.iso.datetime().nullable(),
  by: z.string().describe("the id of the key that set it"),
});

export function shownMode({ mode, rate_tier_max, reason, since, by }: z.infer<typeof modeView>): string {
  const tier = rate_tier_max === null ? "" : `, no rate tier above ${rate_tier_max}`;
  return since === null ? `${mode}${tier}` : `${mode}${tier}, since ${since} by ${by}: ${harmless(reason)}`;
}
