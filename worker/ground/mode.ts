/** What the service does for whom, as the operator has set it. Documented in `docs/defence.md`. */
import type { RateTier } from "./principal.ts";

export const MODES = ["normal", "degraded", "maintenance", "emergency"] as const;
export type Mode = (typeof MODES)[number];

export interface ModeState {
  mode: Mode;
  /** No key has a higher rate tier than this, but for admins; null: each has its own. */
  rate_tier_max: RateTier | null;
  reason: string;
  since_ms: number;
  /** Key id. */
  by: string;
}

export const NORMAL: ModeState = { mode: "normal", rate_tier_max: null, reason: "", since_ms: 0, by: "" };
