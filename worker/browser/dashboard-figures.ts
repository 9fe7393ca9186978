/** The dashboard's figures and charts. */
import { type ChartLine, timeChart } from "../pages/time-chart.ts";
import { percent } from "../pages/words.ts";
import type { RequestSeries } from "../schemas/dashboard.ts";
import type { Health } from "../schemas/health.ts";
import type { Metrics } from "../schemas/metrics.ts";
import { drawing, el } from "./dom.ts";
import { count, type Fetched, milliseconds, missing, panel, panelOf, shortTime } from "./panel.ts";

/** How it is, and the sums of the period. */
export function figureTiles(health: Fetched<Health>, metrics: Fetched<Metrics>): HTMLElement {
  const [tiles, why] = "data" in metrics ? [metricTiles(metrics.data), []] : [[], [missing(metrics.missing)]];
  const healthTiles = "data" in health ? [healthTile(health.data)] : [tile("Health", "unknown", health.missing, "bad")];
  return panel("Now and in this period", "tiles", el("dl", {}, ...healthTiles, ...tiles), ...why);
}

function healthTile({ status, services }: Health): HTMLElement {
  const bad = Object.entries(services).filter(([, service]) => service.status !== "healthy");
  const told = bad.length === 0 ? "database, vectors, caches, models" : bad.map(([name]) => `${name} fails`).join(", ");
  return tile("Health", status, told, status === "healthy" ? "good" : "bad");
}

function metricTiles({ requests, performance, cache, tokens, database }: Metrics): HTMLElement[] {
  const { p50_latency_ms, p95_latency_ms, p99_latency_ms } = performance;
  const looked = cache.total_hits + cache.total_misses;
  return [
    tile("Requests", count(requests.total), `${percent(requests.success_rate)} served`),
    tile("Errors", count(requests.error), `${count(database.errors)} of the database`, requests.error > 0 ? "bad" : ""),
    tile(
      "Latency p95",
      milliseconds(p95_latency_ms),
      `p50 ${milliseconds(p50_latency_ms)}, p99 ${milliseconds(p99_latency_ms)}`,
    ),
    tile("Cache hits", looked === 0 ? "–" : percent(cache.hit_rate), `${count(cache.total_hits)} of ${count(looked)}`),
    tile(
      "Tokens saved",
      `${tokens.savings_percentage.toFixed(1)} %`,
      `${count(tokens.saved)} saved, ${count(tokens.input)} sent`,
    ),
  ];
}

function tile(name: string, value: string, more: string, mood = ""): HTMLElement {
  return el(
    "div",
    { class: `tile ${mood}` },
    el("dt", {}, name),
    el("dd", {}, value),
    el("dd", { class: "more" }, more),
  );
}

type Steps = RequestSeries["steps"];

/** What is drawn over time, one panel each. */
export function chartPanels(series: Fetched<RequestSeries>): HTMLElement[] {
  const charts: { title: string; lines: (steps: Steps) => ChartLine[] }[] = [
    {
      title: "Requests",
      lines: (steps) => [
        { name: "requests", kind: "bar", values: steps.map(({ requests }) => requests) },
        { name: "errors", kind: "bar", values: steps.map(({ errors }) => errors) },
      ],
    },
    {
      title: "Latency in ms",
      lines: (steps) => [
        { name: "p50", kind: "line", values: steps.map(({ p50_latency_ms }) => p50_latency_ms) },
        { name: "p95", kind: "line", values: steps.map(({ p95_latency_ms }) => p95_latency_ms) },
      ],
    },
    {
      title: "Cache hits in %",
      lines: (steps) => [
        {
          name: "hits",
          kind: "line",
          values: steps.map(({ cache_hit_rate }) => (cache_hit_rate === null ? null : 100 * cache_hit_rate)),
        },
      ],
    },
    {
      title: "Tokens",
      lines: (steps) => [
        { name: "saved", kind: "line", values: steps.map(({ tokens_saved }) => tokens_saved) },
        { name: "sent", kind: "line", values: steps.map(({ tokens_sent }) => tokens_sent) },
      ],
    },
  ];
  return charts.map(({ title, lines }) =>
    panelOf(title, "charted", series, ({ steps }) => {
      const drawn = lines(steps);
      const names = steps.map(({ at }) => shortTime(at));
      return [legend(drawn), drawing(timeChart({ label: title, steps: names, lines: drawn }))];
    }),
  );
}

function legend(lines: readonly ChartLine[]): HTMLElement {
  const keys = lines.map(({ name }, index) => el("span", {}, el("i", { class: `swatch series-${index}` }), name));
  return el("p", { class: "legend", "aria-hidden": "true" }, ...keys);
}
