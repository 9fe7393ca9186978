/** What this UTC day has used of the plan's daily allowances, and when each runs out. */

import { ALLOWANCES_PER_DAY, type Allowed } from "../../infra/cloudflare-limits.ts";
import { allowanceState } from "../ground/allowance-state.ts";
import { DAY_MS } from "../ground/time.ts";
import { FORECAST_DAYS } from "../limits.ts";
import type { Allowance } from "../schemas/allowances.ts";
import { minuteOf } from "../telemetry/metering.ts";
import type { Work } from "../work.ts";
import { DAY_HOURS, runsOutAt, usualDay } from "./forecast.ts";
import { readMeter } from "./read-meter.ts";

export type Allowances = Record<Allowed, Allowance>;

/** What the meter calls each. Queue batches and cron triggers invoke the Worker, too, and count as requests. */
const COUNTED_AS: Record<Allowed, string> = {
  requests: "units",
  d1_rows_read: "rows_read",
  d1_rows_written: "rows_written",
  kv_reads: "kv_reads",
  kv_writes: "kv_writes",
  neurons: "neurons",
};

/** @throws Problem `metrics-unavailable` when a part of the meter does not answer. */
export async function allowancesOf(work: Work): Promise<Allowances> {
  const midnight_ms = work.now_ms - (work.now_ms % DAY_MS);
  const from = minuteOf(midnight_ms - FORECAST_DAYS * DAY_MS);
  const hours = await readMeter(work, (shard) =>
    shard.readHours(Object.values(COUNTED_AS), from, minuteOf(work.now_ms) + 1),
  );
  const first_hour = (midnight_ms / DAY_MS - FORECAST_DAYS) * DAY_HOURS;
  const days = (name: string): number[][] => {
    const sums = Array.from({ length: FORECAST_DAYS + 1 }, () => Array<number>(DAY_HOURS).fill(0));
    for (const { hour, tally } of hours) {
      const day = sums[Math.floor((hour - first_hour) / DAY_HOURS)];
      if (day !== undefined) day[hour % DAY_HOURS] = (day[hour % DAY_HOURS] ?? 0) + (tally[name] ?? 0);
    }
    return sums;
  };
  return Object.fromEntries(
    Object.entries(ALLOWANCES_PER_DAY[work.env.PLAN]).map(([resource, limit]) => {
      const before = days(COUNTED_AS[resource as Allowed]);
      const today = before.pop() ?? [];
      return [resource, allowanceOf({ today, usual: usualDay(before) }, limit, work.now_ms)];
    }),
  ) as Allowances;
}

function allowanceOf(use: Parameters<typeof runsOutAt>[0], limit: number, now_ms: number): Allowance {
  const used = use.today.reduce((sum, amount) => sum + amount, 0);
  const usage_percentage = (100 * used) / limit;
  const at_ms = runsOutAt(use, limit, now_ms);
  const runs_out_at = at_ms === null ? null : new Date(at_ms).toISOString();
  return { used, limit, usage_percentage, state: allowanceState(usage_percentage), runs_out_at };
}
