/**
 * The text that Prometheus scrapes: OpenMetrics 1.0, or the older format 0.0.4 for whoever does not ask for it.
 * https://github.com/prometheus/OpenMetrics/blob/main/specification/OpenMetrics.md and
 * https://prometheus.io/docs/instrumenting/exposition_formats/
 */

type Labels = Record<string, string>;

interface Sample {
  labels: Labels;
  value: number;
}

interface Distribution {
  labels: Labels;
  /** How many were at most so many seconds, ascending. */
  buckets: readonly { le_s: number; count: number }[];
  count: number;
  sum_s: number;
}

/** One metric. `name` has the unit and no suffix that its type brings (`_total`, `_info`). */
export type Family = { name: string; help: string } & (
  | { type: "counter" | "gauge" | "info"; samples: readonly Sample[] }
  | { type: "histogram"; distributions: readonly Distribution[] }
);

export const OPEN_METRICS_TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8";
export const PLAIN_METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8";

export function renderMetrics(families: readonly Family[], format: "openmetrics" | "plain"): string {
  const text = families.map((family) => renderFamily(family, format)).join("");
  return format === "openmetrics" ? `${text}# EOF\n` : text;
}

const SUFFIX = { counter: "_total", info: "_info", gauge: "", histogram: "" } as const;

function renderFamily(family: Family, format: "openmetrics" | "plain"): string {
  const { type, help } = family;
  const sampled = family.name + SUFFIX[type];
  // The older format knows no info, and gives a counter its suffix everywhere.
  const [name, word] = format === "openmetrics" ? [family.name, type] : [sampled, type === "info" ? "gauge" : type];
  const head = [`# HELP ${name} ${help}`, `# TYPE ${name} ${word}`];
  if (format === "openmetrics" && name.endsWith("_seconds")) head.push(`# UNIT ${name} seconds`);
  const lines =
    family.type === "histogram"
      ? family.distributions.flatMap((distribution) => histogramLines(name, distribution))
      : family.samples.map(({ labels, value }) => line(sampled, labels, value));
  return `${[...head, ...lines].join("\n")}\n`;
}

function histogramLines(name: string, { labels, buckets, count, sum_s }: Distribution): string[] {
  return [
    ...buckets.map(({ le_s, count: upTo }) => line(`${name}_bucket`, { ...labels, le: canonical(le_s) }, upTo)),
    line(`${name}_bucket`, { ...labels, le: "+Inf" }, count),
    line(`${name}_count`, labels, count),
    line(`${name}_sum`, labels, sum_s),
  ];
}

/** As OpenMetrics writes bounds: Prometheus 2 compares them as texts, and rules select some (`le="2.5"`). */
function canonical(bound: number): string {
  return Number.isInteger(bound) ? bound.toFixed(1) : String(bound);
}

function line(name: string, labels: Labels, value: number): string {
  const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escaped(text)}"`);
  return `${name}${pairs.length === 0 ? "" : `{${pairs.join(",")}}`} ${value}`;
}

function escaped(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
