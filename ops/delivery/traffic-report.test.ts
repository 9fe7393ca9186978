import { expect, test } from "vitest";
import { reported, trafficText } from "./traffic-report.ts";

test("of a version that nobody asked, nothing is told that failed", () => {
  const phase = { phase: "switch", requests: 8, failed: 1, longest_ms: 40, examples: [] };
  const text = trafficText(
    reported([
      { ...phase, candidate: { requests: 0, failed: 0 } },
      { ...phase, phase: "trial", candidate: { requests: 3, failed: 2 } },
    ]),
    false,
  );
  expect(text).toMatch(/^switch\t8\t1\t40\t-$/m);
  expect(text).toMatch(/^trial\t8\t1\t40\t2\/3 failed$/m);
  expect(text).toContain("Requests during it: 16, failed: 2.");
});
