import { expect, test } from "vitest";
import { metricFamilies } from "../operations/metric-families.ts";
import { renderMetrics } from "../telemetry/open-metrics.ts";
import { METRICS } from "./metrics.ts";

const request = (outcome: "done" | "failed", status_code: number) => ({
  series: { kind: "request" as const, endpoint: "e", method: "GET", status_code, outcome },
  tally: {
    ...{ units: 1, duration_ms: 1, "duration/1": 1, "cache/miss": 1 },
    ...{ "vector_calls/query": 1, "ai_calls/generation": 1 },
  },
});

/** Samples that `/metrics` may have, as Prometheus reads them. */
const printed = (["plain", "openmetrics"] as const).map((format) =>
  renderMetrics(
    metricFamilies({
      version: "v",
      series: [
        ...[200, 401, 429].map((code) => request("done", code)),
        request("failed", 500),
        {
          series: { kind: "message", endpoint: "queue/e", method: "", status_code: 0, outcome: "done" },
          tally: { units: 1, duration_ms: 1, "duration/1": 1 },
        },
      ],
      in_flight: 0,
      allowances: { requests: { used: 1, limit: 2, runs_out_at: null } },
    }),
    format,
  ).split("\n"),
);
const EXPRESSIONS = Object.values(METRICS).flatMap(({ promql }) => (promql === null ? [] : [promql("5m")]));

test("whatever an expression selects, /metrics prints in the same letters", () => {
  const selectors = EXPRESSIONS.flatMap((expression) => [...expression.matchAll(/(prism_\w+)(?:\{([^}]*)\})?/g)]);
  expect(selectors.length).toBeGreaterThan(20);
  for (const lines of printed) {
    const unmet = selectors.flatMap(([selector, name = "", matchers = ""]) => {
      const equal = [...matchers.matchAll(/\w+="[^"]*"/g)].map(([pair]) => pair);
      const meets = (line: string) =>
        /^prism_\w+/.exec(line)?.[0] === name && equal.every((pair) => line.includes(pair));
      return lines.some(meets) ? [] : [selector];
    });
    expect(unmet).toEqual([]);
  }
});
