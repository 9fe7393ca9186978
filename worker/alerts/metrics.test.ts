import { expect, test } from "vitest";
import { metricFamilies } from "../operations/metric-families.ts";
import { renderMetrics } from "../telemetry/open-metrics.ts";
import { METRICS } from "./metrics.ts";

/** Names of all samples that `/metrics` may have. */
const exposed = new Set(
  renderMetrics(
    metricFamilies({
      version: "v",
      series: [
        {
          series: { kind: "request", endpoint: "e", method: "GET", status_code: 200, outcome: "done" },
          tally: { units: 1, duration_ms: 1, "duration/1": 1, "cache/miss": 1 },
        },
        {
          series: { kind: "message", endpoint: "queue/e", method: "", status_code: 0, outcome: "done" },
          tally: { units: 1, duration_ms: 1, "duration/1": 1 },
        },
      ],
      in_flight: 0,
      allowances: { requests: { used: 1, limit: 2 } },
    }),
    "plain",
  )
    .split("\n")
    .flatMap((line) => /^(prism_\w+)/.exec(line)?.[1] ?? []),
);

test("expressions name only metrics that /metrics has", () => {
  const named = Object.values(METRICS).flatMap(({ promql }) =>
    promql === null ? [] : [...promql("5m").matchAll(/prism_\w+/g)],
  );
  expect(named.length).toBeGreaterThan(10);
  expect([...new Set(named.map(([name]) => name))].filter((name) => !exposed.has(name))).toEqual([]);
});
