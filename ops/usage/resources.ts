/** Allowances of a day and stores of the account in one list. Pure. */
import { z } from "zod";
import { allowanceState } from "../../worker/ground/allowance-state.ts";
import { DAY_MS } from "../../worker/ground/time.ts";
import { allowance } from "../../worker/schemas/allowances.ts";
import type { capacityReport } from "../../worker/schemas/monitoring.ts";

type Capacity = z.infer<typeof capacityReport>;

export const resourceRow = z.strictObject({
  resource: z.string(),
  per: z.enum(["day", "account"]).describe("`day`: begins anew at midnight UTC; `account`: what is stored"),
  used: z.number(),
  limit: z.number(),
  usage_percentage: z.number(),
  state: allowance.shape.state,
  runs_out_at: z.iso.datetime().nullable().describe("null: not this day, or not to be told"),
});
export type ResourceRow = z.infer<typeof resourceRow>;

/** The fullest first. A store's last day is told by its pace of the last seven days. */
export function resourceRows({ daily, stores }: Capacity, now_ms: number): ResourceRow[] {
  const days = Object.entries(daily).map(([resource, { used, limit, usage_percentage, state, runs_out_at }]) => ({
    ...{ resource, per: "day" as const, used, limit, usage_percentage, state, runs_out_at },
  }));
  const kept = stores.map(({ store, unit, used, limit, usage_percentage, days_left }) => ({
    ...{ resource: `${store} (${unit})`, per: "account" as const, used, limit, usage_percentage },
    state: allowanceState(usage_percentage),
    runs_out_at: lastDay(days_left, now_ms),
  }));
  return [...days, ...kept].sort((a, b) => b.usage_percentage - a.usage_percentage);
}

/** Beyond some years a pace of a week says nothing. */
const FORESEEABLE_DAYS = 3 * 365;

function lastDay(days_left: number | null, now_ms: number): string | null {
  return days_left === null || days_left > FORESEEABLE_DAYS
    ? null
    : new Date(now_ms + days_left * DAY_MS).toISOString();
}

/** `12 345 678`, with at most two decimals below a hundred. */
export function shownAmount(value: number): string {
  const text = Number.isInteger(value) || value >= 100 ? Math.round(value).toString() : value.toFixed(2);
  return text.replace(/\B(?=(\d{3})+(?!\d))/g, " ");
}
