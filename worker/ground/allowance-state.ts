/** How far an allowance is used, in a word. */
import { ALLOWANCE_STATE_FROM_PERCENT } from "../limits.ts";

export const ALLOWANCE_STATES = ["ok", "warning", "high", "critical"] as const;
export type AllowanceState = (typeof ALLOWANCE_STATES)[number];

export function allowanceState(percent: number): AllowanceState {
  const { critical, high, warning } = ALLOWANCE_STATE_FROM_PERCENT;
  if (percent >= critical) return "critical";
  if (percent >= high) return "high";
  return percent >= warning ? "warning" : "ok";
}
