/**
 * Prometheus' own promtool reads what `ops alerts render prometheus` gives, and plays it over what `/metrics` prints: whatever
 * PRISM's own evaluator tells of the same traffic, Prometheus must tell, and nothing else. `.ci/run` fetches Debian's where it can.
 */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Alert, evaluateRule } from "../../worker/alerts/evaluate.ts";
import { ALL_RULES } from "../../worker/alerts/rules.ts";
import { sliceTally, windowReadings, windowsOf } from "../../worker/alerts/windows.ts";
import type { SeriesTally } from "../../worker/ground/meter.ts";
import { bucketOf } from "../../worker/ground/sketch.ts";
import type { Tally } from "../../worker/ground/tally.ts";
import { MINUTE_MS } from "../../worker/ground/time.ts";
import { metricFamilies } from "../../worker/operations/metric-families.ts";
import { renderMetrics } from "../../worker/telemetry/open-metrics.ts";
import { prometheusRules } from "./prometheus.ts";

const PROMTOOL = ["/usr/bin/promtool", join(import.meta.dirname, "../../dist/witnesses/usr/bin/promtool")].find(
  (path) => existsSync(path),
);
const MINUTES = 40;
const { text: RULES, left_out } = prometheusRules(ALL_RULES);

/** Searches of one minute. Without `how` they are answered in a tenth of a second. */
function searches(units: number, how: { status_code?: number; took_ms?: number; counts?: Tally } = {}): SeriesTally {
  const { status_code = 200, took_ms = 100, counts = {} } = how;
  const outcome = status_code >= 500 ? "failed" : status_code >= 400 ? "refused" : "done";
  return {
    series: { kind: "request", endpoint: "/api/v1/search", method: "POST", status_code, outcome },
    tally: { units, duration_ms: units * took_ms, [`duration/${bucketOf(took_ms)}`]: units, ...counts },
  };
}

/** Messages of the queue that were worked off in one minute. */
function messages(units: number, took_ms: number): SeriesTally {
  return {
    series: { kind: "message", endpoint: "queue/ingest", method: "", status_code: 0, outcome: "done" },
    tally: { units, duration_ms: units * took_ms, [`duration/${bucketOf(took_ms)}`]: units },
  };
}

/** What is counted in each minute; nothing of what goes wrong was ever counted before it begins. */
const TRAFFIC: Record<string, (minute: number) => SeriesTally[]> = {
  "a quiet time": () => [searches(100, { counts: { "cache/kv": 8, "cache/miss": 1 } })],
  "errors that go on": (minute) => (minute < 30 ? [searches(100)] : [searches(97), searches(3, { status_code: 503 })]),
  "errors that are over": (minute) =>
    minute >= 10 && minute < 20 ? [searches(60), searches(40, { status_code: 503 })] : [searches(100)],
  "errors that have just ended": (minute) =>
    minute >= 20 && minute < MINUTES - 7 ? [searches(60), searches(40, { status_code: 503 })] : [searches(100)],
  "the first conversions of documents, which fail": (minute) => [
    searches(100, { counts: minute === MINUTES - 2 ? { "ai_calls/conversion": 9, "ai_errors/conversion": 9 } : {} }),
  ],
  "Vectorize that fails": (minute) => [
    searches(100, { counts: { "vector_calls/query": 10, ...(minute < 30 ? {} : { "vector_errors/query": 8 }) } }),
  ],
  "an optimiser that saves nothing": () => [
    searches(100, { counts: { tokens_in: 9_000, tokens_out: 100, tokens_saved: 90 } }),
  ],
  "errors of one minute": (minute) =>
    minute === MINUTES - 2 ? [searches(40), searches(60, { status_code: 500 })] : [searches(100)],
  "wrong credentials": (minute) =>
    minute === MINUTES - 2 ? [searches(100), searches(150, { status_code: 401 })] : [searches(100)],
  "too many requests": (minute) =>
    minute === MINUTES - 2 ? [searches(100), searches(150, { status_code: 429 })] : [searches(100)],
  "a cache that never finds anything": () => [searches(100, { counts: { "cache/miss": 20 } })],
  "answers that take a second, as they may": () => [searches(100, { took_ms: 1_200 })],
  "slow answers": (minute) => [searches(100, { took_ms: minute < 30 ? 100 : 5_000 })],
  "messages that take long": () => [searches(100), messages(5, 40_000)],
  "messages that are stuck": () => [searches(100), messages(5, 180_000)],
  "a model that fails": (minute) => [
    searches(100, { counts: { "ai_calls/generation": 10, ...(minute < 30 ? {} : { "ai_errors/generation": 8 }) } }),
  ],
  "a database that fails": (minute) => [
    searches(100, { counts: { database_queries: 100, ...(minute < 30 ? {} : { database_errors: 30 }) } }),
  ],
};

/** Ids of the rules that PRISM's evaluator has firing at the end, but for those that Prometheus does not have. */
function told(traffic: (minute: number) => SeriesTally[]): string[] {
  const slices = Array.from({ length: MINUTES }, (_, minute) => ({
    ...{ from_minute: minute, to_minute: minute + 1 },
    tally: sliceTally(traffic(minute)),
  }));
  return ALL_RULES.filter(({ id }) => !left_out.includes(id)).flatMap((rule) => {
    let alerts: Alert[] = [];
    for (let at = 1; at <= MINUTES; at++) {
      const readings = windowReadings(slices.slice(0, at), windowsOf([rule]), at);
      alerts = evaluateRule(rule, alerts, readings, at * MINUTE_MS);
    }
    return alerts.some(({ state }) => state === "firing") ? rule.id : [];
  });
}

/** What a scrape finds at the beginning of each minute, in promtool's words. */
function scraped(traffic: (minute: number) => SeriesTally[]): { series: string; values: string }[] {
  const found = new Map<string, string[]>();
  const series: SeriesTally[] = [];
  for (let at = 0; at <= MINUTES; at++) {
    const families = metricFamilies({ version: "v", series, in_flight: 0, allowances: {}, stores: {} });
    for (const line of renderMetrics(families, "plain").trimEnd().split("\n")) {
      if (line.startsWith("#")) continue;
      const end = line.lastIndexOf(" ");
      const values = found.get(line.slice(0, end)) ?? Array<string>(at).fill("_");
      found.set(line.slice(0, end), [...values, line.slice(end + 1)]);
    }
    series.push(...traffic(at));
  }
  return [...found].map(([name, values]) => ({ series: name, values: values.join(" ") }));
}

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "prism-promtool-"));
  await writeFile(join(folder, "rules.yaml"), RULES);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test("each kind of trouble is told by some rule, and what is none by none", () => {
  const silent = Object.entries(TRAFFIC).filter(([, traffic]) => told(traffic).length === 0);
  expect(silent.map(([name]) => name)).toEqual(["a quiet time", "answers that take a second, as they may"]);
});

// Nothing is skipped where it is absent: a strict run counts that as a failure, and promtool is an extra.
const asked = PROMTOOL === undefined ? [] : [PROMTOOL];
const ask = (promtool: string, words: string[], input = "") =>
  execFileSync(promtool, words, { cwd: folder, encoding: "utf8", input });

test.each(asked)("%s, which plays the rules over what /metrics prints, tells what PRISM tells", async (promtool) => {
  const tests = Object.entries(TRAFFIC).map(([name, traffic]) => ({
    name,
    interval: "1m",
    input_series: scraped(traffic),
    promql_expr_test: [
      {
        expr: 'count by (alertname) (ALERTS{alertstate="firing"})',
        eval_time: `${MINUTES}m`,
        exp_samples: told(traffic).map((id) => ({ labels: `{alertname="${id}"}`, value: 1 })),
      },
    ],
  }));
  // JSON is YAML.
  const played = { rule_files: ["rules.yaml"], evaluation_interval: "1m", tests };
  await writeFile(join(folder, "played.yaml"), JSON.stringify(played));
  expect(ask(promtool, ["test", "rules", "played.yaml"])).toContain("SUCCESS");
});

test.each(asked)("%s finds no fault with the rules, nor with what /metrics prints", (promtool) => {
  expect(ask(promtool, ["check", "rules", "rules.yaml"])).toContain("SUCCESS");
  const series = Object.values(TRAFFIC).flatMap((traffic) => traffic(MINUTES - 2));
  const allowances = { requests: { used: 1, limit: 2, runs_out_at: "2026-11-30T23:00:00Z" } };
  const stores = { database: { used: 1, limit: 2 } };
  const families = metricFamilies({ version: "v", series, in_flight: 1, allowances, stores });
  // It says what it would have otherwise, and fails.
  expect(ask(promtool, ["check", "metrics"], renderMetrics(families, "plain"))).toBe("");
});

test("promtool is asked where it is at hand", () => {
  if (PROMTOOL === undefined) console.warn("promtool is not at hand: `.ci/run` fetches it from Debian's packages");
  expect(asked).toHaveLength(PROMTOOL === undefined ? 0 : 1);
});
