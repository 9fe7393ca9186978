import fc from "fast-check";
import { expect, test } from "vitest";
import { nearestRank } from "./analyses.ts";
import { matcher } from "./filter.ts";
import { inOrder, type LogLine, lineOf } from "./log-line.ts";
import { partsOf } from "./read.ts";

const HOUR_MS = 3_600_000;
const text = (parts: unknown[]) => lineOf({ at_ms: 0, worker: "prism", console_level: "warn", parts });

test("a text that is an object is a line with fields; anything else is a message, at the level of its console call", () => {
  expect(text(['{"level":"ERROR","message":"m","a":{"b":1}}'])).toMatchObject({
    level: "ERROR",
    message: "m",
    fields: { a: { b: 1 } },
  });
  expect(text([{ message: "m" }])).toEqual(text(["m"]));
  for (const parts of [["{ no object"], ["[1]"], ["null"], ["a", { b: 1 }]])
    expect(text(parts)).toMatchObject({ level: "WARN", fields: {} });
});

test("lines are in one order, however they were read", () => {
  const line = fc.record({
    at_ms: fc.nat(3),
    fields: fc.dictionary(fc.constantFrom("a", "b", "c"), fc.integer()),
  });
  fc.assert(
    fc.property(fc.array(line, { maxLength: 20 }), (made) => {
      const lines = made.map(({ at_ms, fields }) =>
        lineOf({ at_ms, worker: "w", console_level: "log", parts: [fields] }),
      );
      const turned = lines
        .toReversed()
        .map((one): LogLine => ({ ...one, fields: Object.fromEntries(Object.entries(one.fields).toReversed()) }));
      expect(inOrder(turned)).toEqual(inOrder(lines));
    }),
  );
});

test("the parts of a window follow each other from its beginning to its end", () => {
  const moment = fc.integer({ min: 0, max: 2_000 }).map((hours) => hours * HOUR_MS);
  fc.assert(
    fc.property(
      moment,
      fc.integer({ min: 1, max: 500 }),
      moment,
      fc.boolean(),
      (from_ms, hours, age_ms, isArchived) => {
        const window = { from_ms, to_ms: from_ms + hours * HOUR_MS };
        const parts = partsOf(window, window.to_ms + age_ms, "auto", isArchived);
        expect([parts[0]?.from_ms, parts.at(-1)?.to_ms]).toEqual([window.from_ms, window.to_ms]);
        for (const [index, part] of parts.entries()) {
          expect(part.to_ms).toBeGreaterThan(part.from_ms);
          if (index > 0) expect(part.from_ms).toBe(parts[index - 1]?.to_ms);
        }
      },
    ),
  );
});

test("a filter lets through what has all of it, and a level those above it", () => {
  const line = text([
    '{"level":"WARN","message":"Too slow","status_code":503,"method":"GET","endpoint":"/api/v1/documents","error":{"type":"Late"}}',
  ]);
  const passes = (filter: object) => matcher(filter)(line);
  expect(
    [{}, { level: "INFO" }, { status: "5xx" }, { status: "503" }, { endpoint: "GET /api" }, { text: "LATE" }].map(
      passes,
    ),
  ).not.toContain(false);
  expect(
    [
      { level: "ERROR" },
      { status: "4xx" },
      { endpoint: "POST" },
      { user: "x" },
      { text: "soon" },
      { status: "503", user: "x" },
    ].map(passes),
  ).not.toContain(true);
});

test("a percentile is a value that was measured, and so large a share is not above it", () => {
  const values = fc.array(fc.integer(), { minLength: 1 });
  fc.assert(
    fc.property(values, fc.double({ min: 0.01, max: 1, noNaN: true }), (all, share) => {
      const sorted = all.toSorted((a, b) => a - b);
      const value = nearestRank(sorted, share);
      expect(all).toContain(value);
      expect(all.filter((one) => one <= value).length).toBeGreaterThanOrEqual(share * all.length - 1e-9);
    }),
  );
});
