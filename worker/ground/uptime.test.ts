import fc from "fast-check";
import { expect, test } from "vitest";
import { CRONS } from "../../infra/inventory.ts";
import { STATUS_CHECK_EVERY_MS, STATUS_DAYS_SHOWN } from "../limits.ts";
import { CHECK_STATES, type Check, type CheckTally, COMPONENTS, type Maintenance, SEVERITIES } from "./status.ts";
import { DAY_MS, dayOf } from "./time.ts";
import {
  dayBars,
  type KeptCheck,
  latencyByHour,
  levelOf,
  maintenancePhase,
  merged,
  NO_CHECKS,
  notCounted,
  shownState,
  tallyOf,
  uptimeOf,
  uptimeWindows,
} from "./uptime.ts";

const NOW_MS = Date.UTC(2026, 10, 29, 16, 45);

const result = fc.record({
  state: fc.constantFrom(...CHECK_STATES),
  latency_ms: fc.option(fc.integer({ min: 0, max: 5_000 }), { nil: null }),
});
const check: fc.Arbitrary<KeptCheck> = fc.record({
  at_ms: fc.integer({ min: NOW_MS - DAY_MS + 1, max: NOW_MS }),
  results: fc.record(Object.fromEntries(COMPONENTS.map((id) => [id, result]))) as fc.Arbitrary<Check["results"]>,
  in_maintenance: fc.subarray([...COMPONENTS]),
});
const checks = fc.array(check, { maxLength: 60 });
const tally: fc.Arbitrary<CheckTally> = fc.array(check, { maxLength: 10 }).map((list) => tallyOf(list, "kv"));
const window: fc.Arbitrary<Maintenance> = fc
  .record({
    starts_at_ms: fc.integer({ min: NOW_MS - DAY_MS, max: NOW_MS + DAY_MS }),
    duration_ms: fc.integer({ min: 1, max: DAY_MS }),
    components: fc.subarray([...COMPONENTS], { minLength: 1 }),
    counts: fc.boolean(),
    cancelled_at_ms: fc.option(fc.constant(NOW_MS), { nil: null }),
  })
  .map(({ duration_ms, ...rest }) => ({
    id: 1,
    title: "t",
    text: "t",
    announced_by: "k",
    ends_at_ms: rest.starts_at_ms + duration_ms,
    ...rest,
  }));

test("the cron checks as often as the figures assume", () => {
  expect(CRONS.worker.checks).toBe(`*/${STATUS_CHECK_EVERY_MS / 60_000} * * * *`);
});

test("however checks are split and in whichever order, their tallies merge to the tally of them all", () => {
  fc.assert(
    fc.property(checks, fc.nat(60), (list, at) => {
      const whole = tallyOf(list, "kv");
      const [head, tail] = [list.slice(0, at), list.slice(at)];
      expect(merged([tallyOf(tail, "kv"), tallyOf(head, "kv")])).toEqual(whole);
    }),
  );
});

test("uptime is a share of what was counted, falls with each failure, and is unknown when nothing counts", () => {
  fc.assert(
    fc.property(tally, (sum) => {
      const uptime = uptimeOf(sum);
      expect(uptime === null).toBe(sum.up + sum.degraded + sum.down === 0);
      if (uptime === null) return;
      expect(uptime).toBeGreaterThanOrEqual(0);
      expect(uptime).toBeLessThanOrEqual(1);
      expect(uptime === 1).toBe(sum.down === 0);
      expect(uptimeOf({ ...sum, down: sum.down + 1 })).toBeLessThan(uptime === 0 ? 1 : uptime);
      expect(uptimeOf({ ...sum, maintenance: sum.maintenance + 1 })).toBe(uptime);
    }),
  );
});

test("a day's colour is that of the worst that counted, and no check is no good day", () => {
  expect(levelOf(NO_CHECKS)).toBe("none");
  expect(levelOf({ ...NO_CHECKS, maintenance: 3 })).toBe("maintenance");
  expect(levelOf({ ...NO_CHECKS, up: 287, degraded: 1 })).toBe("degraded");
  expect(levelOf({ ...NO_CHECKS, up: 287, down: 1 })).toBe("partial");
  expect(levelOf({ ...NO_CHECKS, up: 94, down: 6 })).toBe("down");
});

test("there is one bar a day, the last one is today, and a day of which nothing is known is no day of trouble", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 4e12 }), tally, (now_ms, sum) => {
      const bars = dayBars(new Map([[dayOf(now_ms), sum]]), now_ms);
      expect(bars).toHaveLength(STATUS_DAYS_SHOWN);
      expect(new Set(bars.map(({ day }) => day)).size).toBe(STATUS_DAYS_SHOWN);
      expect(bars.at(-1)).toEqual({ day: dayOf(now_ms), level: levelOf(sum), uptime: uptimeOf(sum) });
      expect(new Set(bars.slice(0, -1).map(({ level }) => level))).toEqual(new Set(["none"]));
    }),
  );
});

test("a longer window holds what a shorter one holds", () => {
  const down = { ...NO_CHECKS, up: 9, down: 1 };
  const days = new Map([
    [dayOf(NOW_MS), { ...NO_CHECKS, up: 10 }],
    [dayOf(NOW_MS - 10 * DAY_MS), down],
    [dayOf(NOW_MS - 89 * DAY_MS), down],
    [dayOf(NOW_MS - 90 * DAY_MS), { ...NO_CHECKS, down: 100 }],
  ]);
  const windows = uptimeWindows({ ...NO_CHECKS, up: 3, down: 1 }, days, NOW_MS);
  expect(windows).toEqual({ "24h": 0.75, "7d": 1, "30d": 0.95, "90d": 28 / 30 });
});

test("hours have the mean of what was measured in them, and none where nothing was", () => {
  fc.assert(
    fc.property(checks, (list) => {
      const hours = latencyByHour(list, "database", NOW_MS);
      expect(hours).toHaveLength(24);
      const measured = list.filter(
        ({ results, in_maintenance }) => results.database.latency_ms !== null && !in_maintenance.includes("database"),
      );
      expect(hours.some((value) => value !== null)).toBe(measured.length > 0);
      const latencies = measured.map(({ results }) => results.database.latency_ms ?? 0);
      for (const value of hours) if (value !== null) expect(value).toBeLessThanOrEqual(Math.max(...latencies));
    }),
  );
});

test("a window stands first, holds, and is over, in that order, unless it was called off", () => {
  const order = ["scheduled", "in_progress", "completed"];
  fc.assert(
    fc.property(window, fc.nat(DAY_MS), fc.nat(DAY_MS), (one, first, second) => {
      const [early, late] = [one.starts_at_ms + Math.min(first, second), one.starts_at_ms + Math.max(first, second)];
      const phases = [early, late].map((at_ms) => maintenancePhase(one, at_ms));
      if (one.cancelled_at_ms !== null) expect(new Set(phases)).toEqual(new Set(["cancelled"]));
      else expect(order.indexOf(phases[1] ?? "")).toBeGreaterThanOrEqual(order.indexOf(phases[0] ?? ""));
      const isHeld = maintenancePhase(one, NOW_MS) === "in_progress" && !one.counts;
      expect(notCounted([one], NOW_MS)).toEqual(isHeld ? one.components : []);
    }),
  );
});

test("what is shown is never better than what was measured or declared, but for maintenance, which says so", () => {
  const incident = fc.record({
    state: fc.constantFrom("investigating" as const, "monitoring" as const, "resolved" as const),
    severity: fc.constantFrom(...SEVERITIES),
    components: fc.subarray([...COMPONENTS]),
  });
  fc.assert(
    fc.property(
      fc.option(fc.constantFrom(...CHECK_STATES), { nil: null }),
      fc.array(incident, { maxLength: 3 }),
      fc.array(window, { maxLength: 2 }),
      (checked, incidents, windows) => {
        const state = shownState("kv", checked, incidents, windows, NOW_MS);
        const isDown = incidents.some(
          (one) => one.state !== "resolved" && one.severity === "SEV-1" && one.components.includes("kv"),
        );
        if (state === "up") expect(checked).toBe("up");
        if (isDown) expect(["down", "maintenance"]).toContain(state);
        if (checked === null && incidents.length === 0) expect(["unknown", "maintenance"]).toContain(state);
        if (state === "maintenance")
          expect(windows.some((one) => maintenancePhase(one, NOW_MS) === "in_progress")).toBe(true);
        else if (checked !== null && state !== "unknown")
          expect(CHECK_STATES.indexOf(state)).toBeGreaterThanOrEqual(CHECK_STATES.indexOf(checked));
      },
    ),
  );
});
