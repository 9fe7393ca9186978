import fc from "fast-check";
import { expect, test } from "vitest";
import { type Shape, shapeText } from "./shape.ts";
import { linePath, niceCeiling, timeChart } from "./time-chart.ts";

const values = fc.array(fc.option(fc.double({ min: 0, max: 1e9, noNaN: true }), { nil: null }), {
  minLength: 1,
  maxLength: 50,
});

function all(drawing: Shape): Shape[] {
  return [drawing, ...drawing.children.flatMap((child) => (typeof child === "string" ? [] : all(child)))];
}

test("a scale ends at or above the highest value, and not far above it", () => {
  fc.assert(
    fc.property(fc.double({ min: 1e-15, max: 1e12, noNaN: true }), (value) => {
      expect(niceCeiling(value)).toBeGreaterThanOrEqual(value * (1 - 1e-6));
      expect(niceCeiling(value)).toBeLessThanOrEqual(value * 2.01);
    }),
  );
  expect([0, Number.MIN_VALUE].map(niceCeiling)).toEqual([1, 1]);
});

test("whatever the values, a chart has one tooltip a step, stays within its box, and holds finite numbers only", () => {
  fc.assert(
    fc.property(values, values, (bars, line) => {
      const lines = [
        { name: "a", kind: "bar" as const, values: bars },
        { name: "b", kind: "line" as const, values: line },
      ];
      const chart = timeChart({ label: "l", steps: bars.map(String), lines });
      expect(shapeText(chart)).not.toMatch(/NaN|Infinity|undefined/);
      const parts = all(chart);
      expect(parts.filter(({ attributes }) => attributes.class === "tip")).toHaveLength(bars.length);
      const [, , width = 0, height = 0] = String(chart.attributes.viewBox).split(" ").map(Number);
      for (const { attributes } of parts.filter(({ tag }) => tag === "rect")) {
        expect(Number(attributes.x) + Number(attributes.width)).toBeLessThanOrEqual(width + 1);
        expect(Number(attributes.y) + Number(attributes.height)).toBeLessThanOrEqual(height);
        expect(Number(attributes.y)).toBeGreaterThanOrEqual(0);
      }
    }),
  );
});

test("a line breaks where nothing was measured, and a lone value is a dot", () => {
  expect(
    linePath([
      [0, 1],
      [1, 2],
      [2, null],
      [3, 4],
      [4, null],
    ]),
  ).toBe("M0 1L1 2M1 4h4");
  expect(linePath([[0, null]])).toBe("");
});

test("text in a drawing is never markup", () => {
  const steps = [`"><script>alert(1)</script>`];
  const text = shapeText(
    timeChart({ label: `a" onload="x`, steps, lines: [{ name: "<b>", kind: "bar", values: [1] }] }),
  );
  expect(text).not.toMatch(/<script|<b>|" onload="/);
});
