import fc from "fast-check";
import { expect, test } from "vitest";
import { commaList, duration, momentAfter, momentBefore, parseDuration, positive, rate, wait } from "./options.ts";
import { runCli } from "./run-cli.fixture.ts";

test("durations have units, a bare number is seconds, and anything else is refused", () => {
  const texts = ["500ms", "30s", "5m", "1h", "2d", "2"];
  expect(texts.map(parseDuration)).toEqual([500, 30_000, 300_000, 3_600_000, 172_800_000, 2000]);
  for (const text of ["", "soon", "-5s", "0", "5 days"]) expect(duration.safeParse(text).success).toBe(false);
});

test("what is waited for ends before Node's timers do, which are over at once otherwise", () => {
  expect(wait.parse("24d")).toBe(24 * 86_400_000);
  expect(wait.safeParse("25d").error?.issues[0]?.message).toContain("24 days");
});

test("a rate has its unit, in powers of ten, and anything else is refused", () => {
  const rates = ["100B/s", "500kB/s", "1.5MB/s", "1GB/s"].map((text) => rate.parse(text));
  expect(rates).toEqual([100, 500_000, 1_500_000, 1e9]);
  for (const text of ["", "5", "5MB", "5Mbit/s", "0MB/s", "-1MB/s"]) expect(rate.safeParse(text).success).toBe(false);
});

test("counts are whole numbers from 1", () => {
  expect(positive.parse(7)).toBe(7);
  for (const value of [0, 1.5, -1, "many"]) expect(positive.safeParse(value).success).toBe(false);
});

test("a moment is counted from the command's clock, or is an ISO date", () => {
  const now_ms = Date.parse("2026-03-01T12:00:00Z");
  expect(momentBefore.parse("6h")(now_ms)).toBe(Date.parse("2026-03-01T06:00:00Z"));
  expect(momentAfter.parse("2d")(now_ms)).toBe(Date.parse("2026-03-03T12:00:00Z"));
  expect(momentAfter.parse("2026-05-01")(now_ms)).toBe(Date.parse("2026-05-01T00:00:00Z"));
  expect(momentBefore.parse("6h ago")(now_ms)).toBe(Date.parse("2026-03-01T06:00:00Z"));
  expect(momentAfter.parse("in 2d")(now_ms)).toBe(Date.parse("2026-03-03T12:00:00Z"));
  expect(momentBefore.parse("2026-03-01 03:00+02:00")(now_ms)).toBe(Date.parse("2026-03-01T01:00:00Z"));
});

test("what is no moment, or a day of no calendar, is refused, whatever else Date.parse makes of it", () => {
  for (const text of [
    "yesterday",
    "5",
    "snapshot 12",
    "2026-02-30T00:00:00Z",
    "2025-02-29",
    "2026-13-01",
    "9999999d",
    "1/2/2026",
  ])
    for (const moment of [momentBefore, momentAfter])
      expect([text, moment.safeParse(text).success]).toEqual([text, false]);
  for (const text of ["in 6h", "6h ago ago"]) expect(momentBefore.safeParse(text).success).toBe(false);
  expect(momentAfter.safeParse("6h ago").success).toBe(false);
});

test("a moment on the wrong side of now is refused, with the present time in UTC", () => {
  const now_ms = Date.parse("2026-03-01T12:00:00Z");
  // What a clock two hours east of UTC shows, typed with a Z.
  expect(() => momentBefore.parse("2026-03-01T13:59:00Z")(now_ms)).toThrow(/in the future.* 2026-03-01T12:00:00.000Z/);
  expect(() => momentAfter.parse("2026-03-01T11:59:00Z")(now_ms)).toThrow(/in the past.* 2026-03-01T12:00:00.000Z/);
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 4e12 }), fc.integer({ min: 0, max: 4e12 }), (at_ms, present_ms) => {
      const refuses = (moment: typeof momentBefore) => {
        try {
          return moment.parse(new Date(at_ms).toISOString())(present_ms) !== at_ms;
        } catch {
          return true;
        }
      };
      expect(refuses(momentBefore)).toBe(at_ms > present_ms);
      expect(refuses(momentAfter)).toBe(at_ms < present_ms);
    }),
  );
});

test("a local time that clocks are set over, or back to, is no moment; with its offset it is one", async () => {
  const since = async (text: string) => {
    const { stdout } = await runCli(["logs", "query", "--since", text, "--data", "none", "--json"], {
      TZ: "Europe/Berlin",
    });
    return JSON.parse(stdout).error;
  };
  const [over, twice] = await Promise.all([since("2026-03-29T02:30"), since("2025-10-26 02:30:00")]);
  expect(over.cause).toMatch(/set forward.*2026-03-29T02:30\+01:00 or 2026-03-29T02:30\+02:00/);
  expect(twice.cause).toMatch(/set back.*2025-10-26 02:30:00\+02:00 or 2025-10-26 02:30:00\+01:00/);
  const taken = ["2026-03-29T03:00", "2025-10-26T01:59:59", "2025-10-26T02:30+01:00"];
  for (const { reason } of await Promise.all(taken.map((text) => since(text)))) expect(reason).toBe("not-running");
});

test("a list names known words only", () => {
  expect(commaList(["read", "chat"]).parse("read, chat")).toEqual(["read", "chat"]);
  expect(commaList(["read", "chat"]).safeParse("read,rule").success).toBe(false);
});
