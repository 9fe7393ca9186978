import { execFileSync } from "node:child_process";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { which } from "zx/core";
import { datesBetween_ms, lastDate_ms, nextDate_ms, triggersOf } from "./calendar.ts";
import { JOBS } from "./jobs.ts";
import { onCalendar } from "./on-calendar.ts";

const DAY_MS = 86_400_000;
const iso = (at_ms: number) => new Date(at_ms).toISOString();
const systemd = await which("systemd-analyze", { nothrow: true });

/** Whether an instant is a date of the expression, read off its fields: a second opinion without a library. */
function matches(cron: string, at_ms: number): boolean {
  const at = new Date(at_ms);
  const [minute = "", hour = "", day = "", month = "", weekday = ""] = cron.split(" ");
  const holds = (field: string, value: number, first: number) =>
    field.split(",").some((part) => {
      const [range = "", step = "1"] = part.split("/");
      const [low, high] = range === "*" ? [first, 99] : range.split("-").map(Number);
      const to = high ?? (part.includes("/") ? 99 : low);
      return low !== undefined && value >= low && value <= (to ?? low) && (value - low) % Number(step) === 0;
    });
  const isDay = holds(day, at.getUTCDate(), 1);
  const isWeekday = holds(weekday, at.getUTCDay(), 0) || (at.getUTCDay() === 0 && holds(weekday, 7, 0));
  return (
    holds(minute, at.getUTCMinutes(), 0) &&
    holds(hour, at.getUTCHours(), 0) &&
    holds(month, at.getUTCMonth() + 1, 1) &&
    (day !== "*" && weekday !== "*" ? isDay || isWeekday : isDay && isWeekday)
  );
}

/** What systemd makes of each expression, in a zone whose clocks change: its first `count` dates. */
function bySystemd(crons: readonly string[], after_ms: number, count: number): string[][] {
  const base = `${iso(after_ms).slice(0, 19).replace("T", " ")} UTC`;
  const args = ["calendar", `--iterations=${count}`, `--base-time=${base}`, ...crons.map(onCalendar)];
  const printed = execFileSync(systemd ?? "", args, { encoding: "utf8", env: { TZ: "Europe/Berlin" } });
  const dates = /(?:\(in UTC\)|UTC): \w+ (\S+) (\S+) UTC/g;
  return printed.split("\n\n").map((one) => [...one.matchAll(dates)].map(([, date, time]) => `${date}T${time}.000Z`));
}

const moment = fc.date({ min: new Date("2023-01-01"), max: new Date("2034-01-01"), noInvalidDate: true });
const value = (from: number, to: number) => fc.integer({ min: from, max: to }).map(String);
const range = (from: number, to: number) =>
  fc
    .tuple(fc.integer({ min: from, max: to }), fc.integer({ min: from, max: to }))
    .map(([a, b]) => `${Math.min(a, b)}-${Math.max(a, b)}`);
const list = (from: number, to: number) =>
  fc.uniqueArray(value(from, to), { minLength: 1, maxLength: 3 }).map((values) => values.join(","));
const anyOf = (from: number, to: number) =>
  fc.oneof(
    fc.constant("*"),
    list(from, to),
    range(from, to),
    fc.integer({ min: 2, max: to }).map((step) => `*/${step}`),
  );
const cron = fc
  .tuple(
    anyOf(0, 59),
    anyOf(0, 23),
    fc.oneof(fc.tuple(anyOf(1, 28), fc.constant("*")), fc.tuple(fc.constant("*"), list(0, 6))),
    list(1, 12),
  )
  .map(([minute, hour, [day, weekday], month]) => `${minute} ${hour} ${day} ${month} ${weekday}`);

test("the date before is the last one that a walk from it comes to, and the date after the first", () => {
  fc.assert(
    fc.property(cron, moment, (expression, at) => {
      const next = nextDate_ms(expression, at.getTime());
      expect(next).toBeGreaterThan(at.getTime());
      expect(matches(expression, next)).toBe(true);
      expect(lastDate_ms(expression, next)).toBe(next);
      const last = lastDate_ms(expression, next - 1);
      if (last === null) return;
      expect(last).toBeLessThanOrEqual(at.getTime());
      expect(nextDate_ms(expression, last)).toBe(next);
    }),
    { numRuns: 200 },
  );
});

test("a job's dates in an ordinary and in a leap year are those that their fields mean, minute by minute", () => {
  for (const year of [2026, 2028]) {
    const from = Date.UTC(year, 0, 1) - 1;
    const to = Date.UTC(year + 1, 0, 1) - 1;
    for (const expression of new Set(JOBS.map(({ cron: one }) => one))) {
      const expected: string[] = [];
      for (let at = from + 1; at <= to; at += 3_600_000) if (matches(expression, at)) expected.push(iso(at));
      expect(datesBetween_ms(expression, from, to).map(iso)).toEqual(expected);
    }
  }
});

describe.runIf(systemd !== null)("as systemd reads the same times, while its zone changes its clocks", () => {
  test("every job, through a leap year", () => {
    const from = Date.UTC(2028, 0, 1) - 60_000;
    const jobs = [...new Set(JOBS.map(({ cron: one }) => one))];
    const dates = jobs.map((expression) => datesBetween_ms(expression, from, from + 366 * DAY_MS).map(iso));
    const read = bySystemd(jobs, from, Math.max(...dates.map(({ length }) => length)));
    expect(read.map((all, job) => all.slice(0, dates[job]?.length))).toEqual(dates);
  });

  test("any expression that can be said to it", () => {
    fc.assert(
      // Several at a time: asking costs a process.
      fc.property(fc.array(cron, { minLength: 8, maxLength: 16 }), moment, (expressions, at) => {
        const from = Math.floor(at.getTime() / 60_000) * 60_000;
        const dates = expressions.map((expression) => {
          const first = nextDate_ms(expression, from);
          return [first, nextDate_ms(expression, first)].map(iso);
        });
        expect(bySystemd(expressions, from, 2)).toEqual(dates);
      }),
      { numRuns: 6, examples: [[["*/2 0 */7 12,1 *"], new Date("2033-12-29T00:56:00Z")]] },
    );
  });
});

test("what cron and systemd mean differently is refused", () => {
  expect(() => onCalendar("0 2 1 * 0")).toThrow(/either/);
});

test("whoever starts the schedule at its triggers is there at every date of every job", () => {
  const from = Date.UTC(2026, 0, 1) - 1;
  const triggers = triggersOf(
    JOBS.map(({ cron: one }) => one),
    from,
  );
  expect(triggers).toEqual(["0 2 * * *"]);
  expect(triggersOf(["0 2 * * 0", "30 4 1 * *", "0 2 * * *"], from)).toEqual(["0 2 * * *", "30 4 1 * *"]);
});
