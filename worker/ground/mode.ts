/** What the service does for whom, as the operator has set it. Documented in `docs/defence.md`. */
import { z } from "zod";
import { RATE_TIERS } from "./principal.ts";

export const MODES = ["normal", "degraded", "maintenance", "emergency"] as const;
export type Mode = (typeof MODES)[number];

export const modeState = z.object({
  mode: z.enum(MODES),
  /** No key has a higher rate tier than this, but for admins; null: each has its own. */
  rate_tier_max: z.enum(RATE_TIERS).nullable(),
  reason: z.string(),
  since_ms: z.number(),
  /** Key id. */
  by: z.string(),
});
export type ModeState = z.infer<typeof modeState>;

export const NORMAL: ModeState = { mode: "normal", rate_tier_max: null, reason: "", since_ms: 0, by: "" };
