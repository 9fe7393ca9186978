import fc from "fast-check";
import { expect, test } from "vitest";
import { type DayUse, runsOutAt, usualDay } from "./forecast.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = Date.UTC(2026, 10, 29);
/** The stated error: of the time from midnight to when it runs out, and of the allowance. */
const ERROR_SHARE = 0.1;

/** A service that is used by day: quiet nights, a peak, a dip at noon, more or less of it each day, and chance in each hour. */
const weather = fc.record({
  peak_hour: fc.double({ min: 9, max: 20, noNaN: true }),
  night_share: fc.double({ min: 0.1, max: 0.5, noNaN: true }),
  dip: fc.double({ min: 0, max: 0.3, noNaN: true }),
  level: fc.double({ min: 0.6, max: 1.8, noNaN: true }),
  levels_before: fc.array(fc.double({ min: 0.7, max: 1.3, noNaN: true }), { minLength: 1, maxLength: 7 }),
  seed: fc.nat(),
  // From 9:00 on: earlier, and with a single noisy day before, a few in 100 000 such days are further off.
  now_hour: fc.double({ min: 9, max: 22, noNaN: true }),
});
type Weather = typeof weather extends fc.Arbitrary<infer T> ? T : never;

function hourOf({ peak_hour, night_share, dip }: Weather, hour: number): number {
  const bell = Math.exp(-((hour - peak_hour) ** 2) / 32);
  const noon = 1 - dip * Math.exp(-((hour - 12.5) ** 2) / 2);
  return 1_000 * (night_share + bell) * noon;
}
/** Each hour is up to a tenth off. Chance is no adversary: it comes from a generator and not from the property. */
function dayOf(given: Weather, level: number, day: number): number[] {
  let state = given.seed + day;
  const random = () => {
    // The mulberry32 generator.
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return Array.from({ length: 24 }, (_, hour) => hourOf(given, hour) * level * (0.9 + 0.2 * random()));
}

/** The whole truth of a day, and what of it can be known at `now_hour`. */
function known(given: Weather): { truth: number[]; use: DayUse; now_ms: number } {
  const truth = dayOf(given, given.level, 0);
  const before = given.levels_before.map((level, index) => dayOf(given, level, index + 1));
  const today = truth.map((amount, hour) => amount * Math.min(1, Math.max(0, given.now_hour - hour)));
  return { truth, use: { today, usual: usualDay(before) }, now_ms: DAY_MS + given.now_hour * HOUR_MS };
}
const total = (hours: readonly number[]) => hours.reduce((sum, amount) => sum + amount, 0);

/** What the first `hours` of a day use. */
const usedBy = (day: readonly number[], hours: number) =>
  total(day.map((amount, hour) => amount * Math.min(1, Math.max(0, hours - hour))));

test("the hour at which a day's allowance runs out is forecast within 10 %, up to the evening", () => {
  fc.assert(
    fc.property(weather, fc.double({ min: 0, max: 1, noNaN: true }), (given, share) => {
      // At night little is used for hours: when the last of it is used, nobody can tell as well.
      const evening = given.peak_hour + 3;
      fc.pre(given.now_hour < evening);
      const { truth, use, now_ms } = known(given);
      const actual = given.now_hour + share * (evening - given.now_hour);
      const forecast_ms = runsOutAt(use, usedBy(truth, actual), now_ms);
      // Null says: not before midnight. Of what runs out in the last two hours that is within the error, too.
      const forecast_hour = forecast_ms === null ? 24 : (forecast_ms - DAY_MS) / HOUR_MS;
      expect(Math.abs(forecast_hour - actual)).toBeLessThanOrEqual(ERROR_SHARE * actual);
    }),
    { numRuns: 2_000 },
  );
});

test("what is really used by the forecast hour is within 10 % of the allowance, at any hour", () => {
  fc.assert(
    fc.property(weather, fc.double({ min: 0, max: 1, noNaN: true }), (given, share) => {
      const { truth, use, now_ms } = known(given);
      const limit = usedBy(truth, given.now_hour + share * (24 - given.now_hour));
      const forecast_ms = runsOutAt(use, limit, now_ms);
      const forecast_hour = forecast_ms === null ? 24 : (forecast_ms - DAY_MS) / HOUR_MS;
      expect(Math.abs(usedBy(truth, forecast_hour) - limit)).toBeLessThanOrEqual(ERROR_SHARE * limit);
    }),
    { numRuns: 2_000 },
  );
});

test("an allowance that the day does not use up is not said to run out", () => {
  fc.assert(
    fc.property(weather, (given) => {
      const { truth, use, now_ms } = known(given);
      expect(runsOutAt(use, 1.15 * total(truth), now_ms)).toBeNull();
    }),
    { numRuns: 500 },
  );
});

test("one that is used up already ran out when it did", () => {
  const today = [...Array<number>(10).fill(100), 50];
  const now_ms = DAY_MS + 10.5 * HOUR_MS;
  expect(runsOutAt({ today, usual: [] }, 250, now_ms)).toBe(DAY_MS + 2.5 * HOUR_MS);
});

test("without a day before, it goes on as in the last hours", () => {
  const today = [0, 0, 0, 0, 0, 0, 0, 0, 100, 100, 50];
  const now_ms = DAY_MS + 10.5 * HOUR_MS;
  expect(runsOutAt({ today, usual: [] }, 450, now_ms)).toBe(DAY_MS + 12.5 * HOUR_MS);
  expect(runsOutAt({ today, usual: [] }, 5_000, now_ms)).toBeNull();
});

test("a service that is not used does not run out, and a day without use says nothing of other days", () => {
  expect(runsOutAt({ today: [], usual: [] }, 10, DAY_MS)).toBeNull();
  expect(usualDay([Array(24).fill(0), Array(24).fill(2)])).toEqual(Array(24).fill(2));
  expect(usualDay([Array(24).fill(0)])).toEqual([]);
});
