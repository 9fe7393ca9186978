/** The service's mode as its API shows it. */
import type { z } from "zod";
import type { modeView } from "../../worker/schemas/defence.ts";
import { harmless } from "../command/output.ts";

export const MODE_PATH = "/api/v1/mode";

export function shownMode({ mode, rate_tier_max, reason, since, by }: z.infer<typeof modeView>): string {
  const tier = rate_tier_max === null ? "" : `, no rate tier above ${rate_tier_max}`;
  return since === null ? `${mode}${tier}` : `${mode}${tier}, since ${since} by ${by}: ${harmless(reason)}`;
}
