/** A Grafana dashboard from the alert rules: one panel a metric and window, with the rules' thresholds as lines. Pure. */
import { METRICS, type MetricName } from "../../worker/alerts/metrics.ts";
import type { AlertRule, Severity } from "../../worker/alerts/rule.ts";
import { expressionOf, type Rendered } from "./prometheus.ts";

const COLUMNS = 2;
const PANEL = { w: 12, h: 8 } as const;
const COLOURS = { critical: "red", warning: "orange", info: "blue" } as const satisfies Record<Severity, string>;
/** Grafana's names of units. */
const UNITS = {
  error_ratio: "percentunit",
  slow_ratio: "percentunit",
  cache_hit_ratio: "percentunit",
  token_saving_ratio: "percentunit",
  allowance_percent: "percent",
  p95_ms: "ms",
  work_p95_ms: "ms",
} as const satisfies Partial<Record<MetricName, string>>;

interface Chart {
  metric: MetricName;
  window_min: number | null;
  expression: string;
  thresholds: { value: number; severity: Severity; rule: string; isUpper: boolean }[];
}

/** https://grafana.com/docs/grafana/latest/dashboards/build-dashboards/view-dashboard-json-model/ */
export function grafanaDashboard(rules: readonly AlertRule[]): Rendered {
  const charts = new Map<string, Chart>();
  const left_out = new Set<string>();
  for (const { id, condition, severity } of rules) {
    for (const clause of "all" in condition ? condition.all : []) {
      const expression = expressionOf(clause);
      if (expression === null) {
        left_out.add(id);
        continue;
      }
      const chart = charts.get(expression) ?? {
        metric: clause.metric,
        window_min: clause.window_min ?? null,
        expression,
        thresholds: [],
      };
      charts.set(expression, chart);
      chart.thresholds.push({ value: clause.value, severity, rule: id, isUpper: clause.is.startsWith(">") });
    }
  }
  const dashboard = {
    title: "PRISM",
    uid: "prism",
    tags: ["prism"],
    schemaVersion: 39,
    timezone: "utc",
    refresh: "1m",
    time: { from: "now-24h", to: "now" },
    templating: { list: [{ name: "datasource", type: "datasource", query: "prometheus", label: "Prometheus" }] },
    panels: [...charts.values()].map(panel),
  };
  return { text: `${JSON.stringify(dashboard, null, 2)}\n`, left_out: [...left_out] };
}

function panel({ metric, window_min, expression, thresholds }: Chart, index: number) {
  const { meaning, labels } = METRICS[metric];
  const ascending = thresholds.toSorted((a, b) => a.value - b.value);
  // Below a lower bound is what is bad: Grafana colours from a value upwards.
  const [base, steps] = ascending.every(({ isUpper }) => isUpper)
    ? ["green", ascending.map(({ value, severity }) => ({ color: COLOURS[severity], value }))]
    : [COLOURS[ascending[0]?.severity ?? "warning"], ascending.map(({ value }) => ({ color: "green", value }))];
  return {
    id: index + 1,
    type: "timeseries",
    title: window_min === null ? meaning : `${meaning} (${window_min} min)`,
    description: `Rules: ${thresholds.map(({ rule }) => rule).join(", ")}`,
    datasource: { type: "prometheus", uid: "$" + "{datasource}" },
    gridPos: { ...PANEL, x: (index % COLUMNS) * PANEL.w, y: Math.floor(index / COLUMNS) * PANEL.h },
    targets: [
      { refId: "A", expr: expression, legendFormat: labels.map((label) => `{{${label}}}`).join(" ") || metric },
    ],
    fieldConfig: {
      defaults: {
        unit: metric in UNITS ? UNITS[metric as keyof typeof UNITS] : "short",
        thresholds: { mode: "absolute", steps: [{ color: base, value: null }, ...steps] },
        custom: { thresholdsStyle: { mode: "line" } },
      },
      overrides: [],
    },
  };
}
