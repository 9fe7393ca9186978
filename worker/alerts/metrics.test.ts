import { expect, test } from "vitest";
import { metricFamilies } from "../operations/metric-families.ts";
import { renderMetrics } from "../telemetry/open-metrics.ts";
import { METRICS } from "./metrics.ts";
import { ALL_RULES } from "./rules.ts";

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
      stores: { database: { used: 1, limit: 2 } },
    }),
    format,
  ).split("\n"),
);
/** Of a service that never failed or refused anything, called no model, and never found an answer in a cache. */
const healthy = renderMetrics(
  metricFamilies({
    version: "v",
    series: [{ ...request("done", 200), tally: { units: 1 } }],
    in_flight: 0,
    allowances: {},
    stores: {},
  }),
  "plain",
).split("\n");
const EXPRESSIONS = Object.values(METRICS).flatMap(({ promql }) => (promql === null ? [] : [promql("5m")]));

const SELECTORS = EXPRESSIONS.flatMap((expression) => [...expression.matchAll(/(prism_\w+)(?:\{([^}]*)\})?/g)]);

/** Selectors that no line meets, as far as their equalities say. */
function unmet(lines: readonly string[], selectors: readonly RegExpExecArray[]): string[] {
  return selectors.flatMap(([selector, name = "", matchers = ""]) => {
    const equal = [...matchers.matchAll(/\w+="[^"]*"/g)].map(([pair]) => pair);
    const meets = (line: string) => /^prism_\w+/.exec(line)?.[0] === name && equal.every((pair) => line.includes(pair));
    return lines.some(meets) ? [] : [selector];
  });
}

test("what fills the stores is in the expression of what the plan allows, as it is in the alert's own readings", () => {
  expect(METRICS.allowance_percent.promql?.("")).toMatch(/prism_allowance_used.* or .*prism_store_used/);
});

test("whatever an expression selects, /metrics prints in the same letters", () => {
  expect(SELECTORS.length).toBeGreaterThan(20);
  for (const lines of printed) expect(unmet(lines, SELECTORS)).toEqual([]);
});

test("what rules count is there before the first of it: Prometheus would not see failures that a series begins with", () => {
  const counters = SELECTORS.filter(([, name = ""]) => name.endsWith("_total"));
  expect(unmet(healthy, counters)).toEqual([]);
  expect(healthy).toEqual(
    expect.arrayContaining([
      'prism_requests_by_outcome_total{outcome="failed"} 0',
      "prism_credential_refusals_total 0",
      ...["memory", "edge", "kv"].map((layer) => `prism_cache_lookups_total{cache="${layer}"} 0`),
    ]),
  );
  // Only families that begin with all their series will do.
  expect(counters.map(([, name]) => name)).not.toContain("prism_requests_total");
});

test("what a rule compares a percentile with is a bound of its histogram, and not the last one", () => {
  const compared = ALL_RULES.flatMap(({ id, condition }) =>
    ("all" in condition ? condition.all : []).flatMap(({ metric, value }) => {
      const [, histogram] =
        /histogram_quantile\(.*?(prism_\w+_bucket)/.exec(METRICS[metric].promql?.("5m") ?? "") ?? [];
      return histogram === undefined ? [] : [{ id, histogram, bound: value / 1000 }];
    }),
  );
  expect(compared.length).toBeGreaterThan(2);
  for (const { id, histogram, bound } of compared) {
    const bounds = (printed[0] ?? [])
      .filter((line) => line.startsWith(`${histogram}{`))
      .map((line) => Number(/le="([^"]+)"/.exec(line)?.[1]?.replace("+Inf", "NaN")));
    expect([id, bounds.includes(bound), bounds.some((other) => other > bound)]).toEqual([id, true, true]);
  }
});
