/** From checks to figures: tallies, shares of time, bars of days. Pure; times are UTC and passed in. */

import { STATUS_DAYS_SHOWN } from "../limits.ts";
import type {
  Check,
  CheckResult,
  CheckState,
  CheckTally,
  Component,
  DayBar,
  DayLevel,
  Incident,
  Maintenance,
  Uptime,
} from "./status.ts";
import { CHECK_STATES } from "./status.ts";
import { DAY_MS, dayOf, HOUR_MS } from "./time.ts";

const HOURS_SHOWN = 24;
/** Statuspage's own line between a bad day and a lost one is of this kind; ours is a twentieth: 72 minutes of a day. */
const LOST_DAY_BELOW = 0.95;

export const NO_CHECKS: CheckTally = { up: 0, degraded: 0, down: 0, maintenance: 0, latency_ms: 0, latencies: 0 };

/** A check as it is kept: `in_maintenance` names components whose result does not count. */
export interface KeptCheck extends Check {
  in_maintenance: Component[];
}

/** The tally with one more result. */
export function withResult(tally: CheckTally, { state, latency_ms }: CheckResult, in_maintenance: boolean): CheckTally {
  if (in_maintenance) return { ...tally, maintenance: tally.maintenance + 1 };
  return {
    ...tally,
    [state]: tally[state] + 1,
    latency_ms: tally.latency_ms + (latency_ms ?? 0),
    latencies: tally.latencies + (latency_ms === null ? 0 : 1),
  };
}

/** The sum of tallies. */
export function merged(tallies: readonly CheckTally[]): CheckTally {
  return tallies.reduce(
    (sum, tally) => ({
      up: sum.up + tally.up,
      degraded: sum.degraded + tally.degraded,
      down: sum.down + tally.down,
      maintenance: sum.maintenance + tally.maintenance,
      latency_ms: sum.latency_ms + tally.latency_ms,
      latencies: sum.latencies + tally.latencies,
    }),
    NO_CHECKS,
  );
}

/**
 * The share of counted checks at which the component served, degraded or not; null where none counts. A check that did not
 * come counts neither way: it is missing in `days`, and the page says how old its data is.
 */
export function uptimeOf({ up, degraded, down }: CheckTally): number | null {
  const counted = up + degraded + down;
  return counted === 0 ? null : (up + degraded) / counted;
}

/** What colour a day has. */
export function levelOf(tally: CheckTally): DayLevel {
  const uptime = uptimeOf(tally);
  if (uptime === null) return tally.maintenance > 0 ? "maintenance" : "none";
  if (tally.down > 0) return uptime < LOST_DAY_BELOW ? "down" : "partial";
  return tally.degraded > 0 ? "degraded" : "up";
}

/** The last days up to today, oldest first. */
function lastDays(count: number, now_ms: number): string[] {
  return Array.from({ length: count }, (_, index) => dayOf(now_ms - (count - 1 - index) * DAY_MS));
}

/** One bar a day for the last `STATUS_DAYS_SHOWN` days. */
export function dayBars(tallies: ReadonlyMap<string, CheckTally>, now_ms: number): DayBar[] {
  return lastDays(STATUS_DAYS_SHOWN, now_ms).map((day) => {
    const tally = tallies.get(day) ?? NO_CHECKS;
    return { day, level: levelOf(tally), uptime: uptimeOf(tally) };
  });
}

/** Shares of the last 24 hours by their checks, and of today and the UTC days before it by the sums of days. */
export function uptimeWindows(lastDay: CheckTally, tallies: ReadonlyMap<string, CheckTally>, now_ms: number): Uptime {
  const ofDays = (count: number) =>
    uptimeOf(merged(lastDays(count, now_ms).map((day) => tallies.get(day) ?? NO_CHECKS)));
  return { "24h": uptimeOf(lastDay), "7d": ofDays(7), "30d": ofDays(30), "90d": ofDays(90) };
}

/** The tally of a component over kept checks. */
export function tallyOf(checks: readonly KeptCheck[], component: Component): CheckTally {
  return checks.reduce(
    (sum, { results, in_maintenance }) => withResult(sum, results[component], in_maintenance.includes(component)),
    NO_CHECKS,
  );
}

/** Mean latency of each of the last 24 hours, oldest first; null for an hour in which none was measured. */
export function latencyByHour(checks: readonly KeptCheck[], component: Component, now_ms: number): (number | null)[] {
  const begin_ms = now_ms - HOURS_SHOWN * HOUR_MS;
  return Array.from({ length: HOURS_SHOWN }, (_, hour) => {
    const from_ms = begin_ms + hour * HOUR_MS;
    const within = checks.filter(({ at_ms }) => at_ms > from_ms && at_ms <= from_ms + HOUR_MS);
    const { latency_ms, latencies } = tallyOf(within, component);
    return latencies === 0 ? null : Math.round(latency_ms / latencies);
  });
}

/** The worse of two states. */
function worse(one: CheckState, other: CheckState): CheckState {
  return CHECK_STATES.indexOf(one) > CHECK_STATES.indexOf(other) ? one : other;
}

/** What an open incident says of its components; a check may still be worse. SEV-4 is a blemish and says nothing. */
const DECLARED: Record<Incident["severity"], CheckState> = {
  "SEV-1": "down",
  "SEV-2": "degraded",
  "SEV-3": "degraded",
  "SEV-4": "up",
};

/** How a component is shown now. */
export type ShownState = CheckState | "maintenance" | "unknown";

/**
 * Merges what is known of a component: the last check (null: there is none, or it is out of date), what open incidents
 * declare, and maintenance that is under way. Never better than what a person has declared, nor than what was measured.
 */
export function shownState(
  component: Component,
  checked: CheckState | null,
  incidents: readonly Pick<Incident, "state" | "severity" | "components">[],
  maintenance: readonly Maintenance[],
  now_ms: number,
): ShownState {
  const declared = incidents
    .filter(({ state, components }) => state !== "resolved" && components.includes(component))
    .map(({ severity }) => DECLARED[severity])
    .reduce(worse, "up");
  const state = checked === null ? null : worse(checked, declared);
  if (declared !== "up" && state === null) return declared;
  if (state !== "up" && isUnderMaintenance(component, maintenance, now_ms)) return "maintenance";
  return state ?? "unknown";
}

/** Where a window stands. It holds from its begin to before its end. */
export function maintenancePhase(
  { starts_at_ms, ends_at_ms, cancelled_at_ms }: Pick<Maintenance, "starts_at_ms" | "ends_at_ms" | "cancelled_at_ms">,
  now_ms: number,
): "scheduled" | "in_progress" | "completed" | "cancelled" {
  if (cancelled_at_ms !== null) return "cancelled";
  if (now_ms < starts_at_ms) return "scheduled";
  return now_ms < ends_at_ms ? "in_progress" : "completed";
}

function isUnderMaintenance(component: Component, maintenance: readonly Maintenance[], now_ms: number): boolean {
  return maintenance.some(
    (window) => window.components.includes(component) && maintenancePhase(window, now_ms) === "in_progress",
  );
}

/** The components whose checks do not count at that time. */
export function notCounted(maintenance: readonly Maintenance[], at_ms: number): Component[] {
  const under = maintenance.filter((window) => !window.counts && maintenancePhase(window, at_ms) === "in_progress");
  return [...new Set(under.flatMap(({ components }) => components))];
}
