import { expect, test } from "vitest";
import { parseDuration, positive } from "./options.ts";

test("a duration is a number with ms, s, m or h; a bare number is seconds", () => {
  expect(["500ms", "30s", "1.5m", "1h", "10"].map(parseDuration)).toEqual([500, 30_000, 90_000, 3_600_000, 10_000]);
  for (const text of ["", "soon", "-1s", "0", "1d", "1 s"]) expect(() => parseDuration(text)).toThrow("duration");
});

test("a count is a whole number from 1", () => {
  expect(positive("20")).toBe(20);
  for (const text of ["0", "-1", "1.5", "x", "1e99", ""]) expect(() => positive(text)).toThrow("whole number");
});
