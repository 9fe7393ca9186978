/** Reports from figures that are made up: what they recommend, and that nothing of others becomes markup. */
import { fromMarkdown } from "mdast-util-from-markdown";
import { expect, test } from "vitest";
import { COMMANDS } from "../registry.ts";
import { changeOf } from "./figures.ts";
import type { Gathered } from "./gather.ts";
import { chartSvg, reportHtml } from "./html.ts";
import { reportMarkdown } from "./markdown.ts";
import { recommend } from "./recommend.ts";
import type { Chart, Report } from "./report.ts";
import { capacitySections, latencySections, volumeSection } from "./sections.ts";
import { upkeepSections } from "./upkeep-sections.ts";

const NOW = Date.UTC(2026, 10, 29, 12);
const DAY_MS = 86_400_000;

const latencies = { p50_latency_ms: 100, p95_latency_ms: 2_000, p99_latency_ms: 3_000 };
const all = { requests: 1_000, errors: 20, error_rate: 0.02, ...latencies };
const allowance = { used: 96, limit: 100, usage_percentage: 96, state: "critical", runs_out_at: null } as const;
const daily = { requests: allowance, d1_rows_read: allowance, d1_rows_written: allowance };
const moreDaily = { kv_reads: allowance, kv_writes: allowance, neurons: allowance };
const store = { used: 85, limit: 100, usage_percentage: 85, added_last_7_days: 7, days_left: 15 };

/** Everything is wrong at once. */
const bad: Partial<Gathered> = {
  performance: {
    period: "7d",
    all,
    endpoints: [{ endpoint: "POST /api/v1/chat", ...all }],
    comparison: {
      baseline_taken_at: new Date(NOW - 9 * DAY_MS).toISOString(),
      baseline: { all: { ...all, p95_latency_ms: 1_000 }, endpoints: [] },
      regressions: [
        { endpoint: "POST /api/v1/chat", figure: "p95_latency_ms", baseline: 1_000, now: 2_000 },
        { endpoint: "GET /api/v1/jobs/:id", figure: "error_rate", baseline: 0, now: 0.5 },
      ],
    },
    slow_statements: [],
    index_advice: [{ table: "documents", rows: 5_000, statement: "SELECT 1", advice: "an index on (a)" }],
  },
  capacity: {
    daily: { ...daily, ...moreDaily },
    stores: [
      { store: "database", unit: "bytes", ...store },
      { store: "vectors", unit: "dimensions", ...store },
    ],
  },
  queues: {
    queues: [],
    messages: [],
    dead_letters: 3,
    newest_dead_letter_at: null,
    open_parts: 0,
    owed_vectors: 0,
    owed_since: null,
  },
  incidents: [
    { id: 7, title: "Slow", severity: "SEV-3", state: "identified", started_at: "", resolved_at: null, timeline: [] },
  ],
  backup: null,
};
const firing = (runbook: string | null) =>
  ({
    alerts: { alerts: [{ id: "a", state: "firing", silenced_until: null, summary: "s", runbook }] },
  }) as unknown as Partial<Gathered>;
const others: Partial<Gathered>[] = [
  { queues: { ...(bad.queues as Gathered["queues"]), dead_letters: 0, owed_since: "2026-11-29T00:00:00Z" } },
  { backup: { state_at_ms: NOW - 5 * DAY_MS } as Gathered["backup"] },
  {
    performance: {
      ...(bad.performance as Gathered["performance"]),
      comparison: null,
      index_advice: [],
      slow_statements: [{}] as never,
    },
  },
  { metrics: { tokens: { input: 100, savings_percentage: 5 } } as Gathered["metrics"] },
  { usage: { quality: { rating_mean: 2 } } as Gathered["usage"] },
  firing(null),
  firing("bad-deployment"),
];

test("what is recommended is a command that there is", () => {
  const told = [bad, ...others].flatMap((found) => recommend(found, NOW));
  for (const other of others) expect(recommend(other, NOW), JSON.stringify(other)).not.toEqual([]);
  const isThere = ({ command }: { command: string }) => {
    const words = command.split(" ");
    return [1, 2].some((length) => words.slice(0, length).join(" ") in COMMANDS);
  };
  expect(told.filter((one) => !isThere(one))).toEqual([]);
});

test("the most urgent comes first, and a service that is well has nothing to do", () => {
  expect(recommend(bad, NOW)[0]).toMatchObject({ command: "incident update 7" });
  const well = { ...all, errors: 0, error_rate: 0, p95_latency_ms: 100 };
  const performance: Gathered["performance"] = {
    period: "7d",
    all: well,
    endpoints: [],
    comparison: { baseline_taken_at: "", baseline: { all: well, endpoints: [] }, regressions: [] },
    slow_statements: [],
    index_advice: [],
  };
  expect(recommend({ performance }, NOW)).toEqual([]);
});

const volume: Gathered["volume"] = {
  period: "7d",
  total: 30,
  errors: 1,
  peak: { at: "2026-11-28T00:00:00.000Z", requests: 20 },
  buckets: [
    { at: "2026-11-24T00:00:00.000Z", requests: 10, errors: 0 },
    { at: "2026-11-28T00:00:00.000Z", requests: 20, errors: 1 },
  ],
};
const sections = [
  ...latencySections(bad.performance as Gathered["performance"]),
  volumeSection(volume, NOW),
  ...capacitySections(bad.capacity as Gathered["capacity"], NOW),
];
const EVIL = `<script>alert(1)</script> | [x](javascript:1) \`a\` "b`;
const report: Report = {
  kind: "weekly",
  title: `Report ${EVIL}`,
  stack: "local",
  generated_at: new Date(NOW).toISOString(),
  period: "the last seven days",
  sections: [...sections, { title: EVIL, text: EVIL, table: { columns: [EVIL], rows: [[EVIL]] } }],
  recommendations: [{ because: EVIL, command: "usage" }],
  not_known: [EVIL],
};

test("a chart has every day, those without a request too", () => {
  const { chart, text } = volumeSection(volume, NOW);
  expect(chart?.steps).toHaveLength(7);
  expect(chart?.lines[0]?.values).toEqual([0, 10, 0, 0, 0, 20, 0]);
  expect(text).toContain("at the peak (2026-11-28)");
});

test("figures are held against their targets and against the baseline", () => {
  const [{ figures = [] } = {}] = sections;
  const p95 = figures.find(({ name }) => name === "p95");
  expect(p95).toEqual({
    name: "p95",
    value: "2000 ms",
    before: "1000 ms",
    change: "+100 %",
    target: { words: "< 1000 ms", is_met: false },
  });
  expect([changeOf(5, 0), changeOf(null, 5), changeOf(5, 5), changeOf(1, 2)]).toEqual([null, null, "0 %", "-50 %"]);
});

test("incidents are held against how fast they should be noticed and ended, those left out of which that is not known", () => {
  const at = (min: number) => new Date(NOW + min * 60_000).toISOString();
  const seen = (min: number) => [
    { at: at(min), state: "investigating" as const, source: "operator" as const, text: "x", is_public: true },
  ];
  const facts = { id: 1, title: "Slow", severity: "SEV-3" as const, state: "resolved" as const, started_at: at(0) };
  const figuresOf = (incidents: Gathered["incidents"]) => upkeepSections({ incidents }, NOW)[0]?.figures;
  const incidents = [
    { ...facts, resolved_at: at(50), timeline: seen(2) },
    { ...facts, resolved_at: at(30), timeline: seen(6) },
    { ...facts, resolved_at: null, timeline: [] },
  ];
  expect(figuresOf(incidents)).toMatchObject([
    { name: "mean time to detect", value: "4 min", target: { words: "< 5 min", is_met: true } },
    { name: "mean time to recover", value: "40 min", target: { words: "< 30 min", is_met: false } },
  ]);
  expect(figuresOf([])).toMatchObject([
    { value: "–", target: null },
    { value: "–", target: null },
  ]);
});

test("text of others is text, in HTML, in a drawing and in Markdown", () => {
  const chart: Chart = { label: EVIL, steps: [EVIL], lines: [{ name: EVIL, kind: "bar", values: [1] }] };
  const withChart = { ...report, sections: [...report.sections, { title: "c", chart }] };
  expect(reportHtml(withChart)).not.toMatch(/<script|onload=|https?:/);
  expect(chartSvg(chart)).not.toContain("<script");
  const markdown = reportMarkdown(withChart, (index) => `chart-${index}.svg`);
  const kinds = new Set<string>();
  const walk = (node: { type: string; children?: { type: string }[] }) => {
    kinds.add(node.type);
    for (const child of node.children ?? []) walk(child);
  };
  walk(fromMarkdown(markdown));
  expect([...kinds].filter((kind) => kind === "html" || kind === "link")).toEqual([]);
  expect(markdown.split("\n")[0]).toMatch(/^# Report /);
});
