/** Sections of reports, each from what one or two sources said. Pure. */

import { counted } from "../../worker/ground/counted.ts";
import { DAY_MS, HOUR_MS } from "../../worker/ground/time.ts";
import type { Figures } from "../../worker/schemas/monitoring.ts";
import { resourceRows, shownAmount } from "../usage/resources.ts";
import { changeOf, held, NOTHING, plain, shownMs, shownShare } from "./figures.ts";
import { type Gathered, PERIOD_DAYS } from "./gather.ts";
import {
  REPORT_ROWS_SHOWN,
  REPORT_STATEMENTS_SHOWN,
  STATEMENT_CHARS_SHOWN,
  REPORT_TARGETS as TARGETS,
} from "./limits.ts";
import type { Chart, Figure, Section } from "./report.ts";

export function latencySections({
  all,
  endpoints,
  comparison,
}: Pick<Gathered["performance"], "all" | "endpoints" | "comparison">): Section[] {
  const before = comparison?.baseline.all;
  const beforeOf = new Map(comparison?.baseline.endpoints.map((one) => [one.endpoint, one]));
  type Percentile = "p50_latency_ms" | "p95_latency_ms" | "p99_latency_ms";
  const besides = (key: Percentile) => ({
    before: before === undefined ? null : shownMs(before[key]),
    change: changeOf(all[key], before?.[key]),
  });
  const held_ms = (name: string, key: Percentile, below: number): Figure => ({
    ...held(name, all[key], shownMs, { below, told: `${below} ms` }),
    ...besides(key),
  });
  const figures: Figure[] = [
    plain("requests", shownAmount(all.requests)),
    held_ms("p50", "p50_latency_ms", TARGETS.p50_latency_ms),
    held_ms("p95", "p95_latency_ms", TARGETS.p95_latency_ms),
    { ...plain("p99", shownMs(all.p99_latency_ms)), ...besides("p99_latency_ms") },
    {
      ...held("failed", all.error_rate, shownShare, {
        below: TARGETS.error_rate,
        told: shownShare(TARGETS.error_rate),
      }),
      before: before === undefined ? null : shownShare(before.error_rate),
    },
  ];
  const row = (one: Figures & { endpoint: string }) => [
    one.endpoint,
    one.requests,
    shownShare(one.error_rate),
    ...[one.p50_latency_ms, one.p95_latency_ms, one.p99_latency_ms].map((ms) =>
      ms === null ? NOTHING : Math.round(ms),
    ),
    changeOf(one.p95_latency_ms, beforeOf.get(one.endpoint)?.p95_latency_ms) ?? NOTHING,
  ];
  return [
    {
      title: "Latency and errors",
      text:
        comparison === null
          ? "There is no baseline yet to compare with."
          : `Compared with the baseline of ${comparison.baseline_taken_at}.`,
      figures,
    },
    {
      title: "By route",
      text: "Milliseconds; the last column is the 95th percentile beside the baseline.",
      table: {
        columns: ["route", "requests", "failed", "p50", "p95", "p99", "p95 vs. baseline"],
        rows: endpoints.slice(0, REPORT_ROWS_SHOWN).map(row),
      },
    },
  ];
}

export function slowStatementSection({
  slow_statements,
  index_advice,
}: Pick<Gathered["performance"], "slow_statements" | "index_advice">): Section {
  const advice = index_advice.map((one) => `${one.table} (${counted(one.rows, "row")}): ${one.advice}`);
  return {
    title: "Slow statements of the database",
    ...(advice.length > 0 && { text: advice.join("; ") }),
    table: {
      columns: ["slowest ms", "times", "statement"],
      rows: slow_statements
        .slice(0, REPORT_STATEMENTS_SHOWN)
        .map(({ max_ms, times, statement }) => [Math.round(max_ms), times, shortened(statement)]),
    },
  };
}

/** The whole statement, and its plan, are for `db slow`. */
function shortened(statement: string): string {
  return statement.length <= STATEMENT_CHARS_SHOWN ? statement : `${statement.slice(0, STATEMENT_CHARS_SHOWN - 1)}…`;
}

/** How it went over time: latency, then tokens. */
export function courseSections({ steps }: Gathered["series"]): Section[] {
  const chart = (label: string, lines: Chart["lines"]): Chart => ({
    label,
    steps: steps.map(({ at }) => at.slice(0, 16).replace("T", " ")),
    lines,
  });
  return [
    {
      title: "Latency over time",
      chart: chart("Milliseconds; a gap: nothing was asked", [
        { name: "p50", kind: "line", values: steps.map(({ p50_latency_ms }) => p50_latency_ms) },
        { name: "p95", kind: "line", values: steps.map(({ p95_latency_ms }) => p95_latency_ms) },
      ]),
    },
    {
      title: "Tokens over time",
      chart: chart("Tokens sent to models, and saved by the optimiser", [
        { name: "sent", kind: "bar", values: steps.map(({ tokens_sent }) => tokens_sent) },
        { name: "saved", kind: "line", values: steps.map(({ tokens_saved }) => tokens_saved) },
      ]),
    },
  ];
}

/** The service leaves hours or days without a request out: here they are there, so that the chart's time is even. */
export function volumeSection({ period, buckets, total, errors, peak }: Gathered["volume"], now_ms: number): Section {
  const step_ms = period === "1h" || period === "24h" ? HOUR_MS : DAY_MS;
  const nameOf = (at_ms: number) => new Date(at_ms).toISOString().slice(...(step_ms === DAY_MS ? [0, 10] : [5, 16]));
  const known = new Map(buckets.map(({ at, ...counts }) => [Date.parse(at), counts]));
  const end_ms = now_ms - (now_ms % step_ms);
  const begin_ms = Math.min(end_ms - (PERIOD_DAYS[period] * DAY_MS - step_ms), ...known.keys());
  const steps = Array.from({ length: (end_ms - begin_ms) / step_ms + 1 }, (_, index) => {
    const at_ms = begin_ms + index * step_ms;
    return { name: nameOf(at_ms), ...(known.get(at_ms) ?? { requests: 0, errors: 0 }) };
  });
  const chart: Chart = {
    label: step_ms === DAY_MS ? "Requests a day" : "Requests an hour",
    steps: steps.map(({ name }) => name),
    lines: [
      { name: "requests", kind: "bar", values: steps.map(({ requests }) => requests) },
      { name: "failed", kind: "bar", values: steps.map((step) => step.errors) },
    ],
  };
  const busiest =
    peak === null ? "" : `, ${shownAmount(peak.requests)} of them at the peak (${nameOf(Date.parse(peak.at))})`;
  return {
    title: "Request volume",
    text: `${counted(total, "request", shownAmount(total))}${busiest}; ${shownAmount(errors)} failed. ${trendWords(steps)}`.trim(),
    chart,
  };
}

/** The later half beside the earlier one. */
function trendWords(buckets: readonly { requests: number }[]): string {
  const half = Math.floor(buckets.length / 2);
  if (half < 2) return "";
  const sum = (part: readonly { requests: number }[]) => part.reduce((all, { requests }) => all + requests, 0);
  const change = changeOf(sum(buckets.slice(-half)), sum(buckets.slice(-2 * half, -half)));
  return change === null ? "" : `The later half of the time beside the earlier half: ${change}.`;
}

export function cacheSection({ cache, database }: Gathered["metrics"]): Section {
  const looked = cache.total_hits + cache.total_misses;
  return {
    title: "Cache and database",
    figures: [
      held("answers found in a cache", looked === 0 ? null : cache.hit_rate, shownShare, {
        above: TARGETS.cache_hit_rate,
        told: shownShare(TARGETS.cache_hit_rate),
      }),
      plain("queries of the database", shownAmount(database.queries)),
      plain("of them failed", shownAmount(database.errors)),
      held("mean time of a query", database.avg_latency_ms, (ms) => `${ms.toFixed(1)} ms`, {
        below: TARGETS.query_ms,
        told: `${TARGETS.query_ms} ms`,
      }),
    ],
  };
}

export function capacitySections(capacity: Gathered["capacity"], now_ms: number): Section[] {
  const rows = resourceRows(capacity, now_ms);
  return [
    {
      title: "What the plan allows",
      text: "States: from 80 % warning, 90 % high, 95 % critical. Stores are told by their pace of the last seven days.",
      table: {
        columns: ["resource", "used", "limit", "%", "state", "runs out"],
        rows: rows.map(({ resource, used, limit, usage_percentage, state, runs_out_at }) => [
          resource,
          shownAmount(used),
          shownAmount(limit),
          Number(usage_percentage.toFixed(1)),
          state,
          runs_out_at === null ? NOTHING : `${runs_out_at.slice(0, 16).replace("T", " ")} UTC`,
        ]),
      },
    },
  ];
}

export function costSections(
  usage: Gathered["usage"] | undefined,
  metrics: Gathered["metrics"] | undefined,
): Section[] {
  const sections: Section[] = [];
  if (usage !== undefined) {
    const { cost, requests, quality } = usage;
    const byModel = Object.entries(requests.by_model).sort(([, a], [, b]) => b - a);
    sections.push({
      title: "Today (UTC)",
      text: "Neurons of chat models at list price, as if none were free. Embeddings and the other resources are not in it.",
      figures: [
        plain("estimated cost", `${cost.estimated_usd.toFixed(4)} USD`),
        plain("a month of such days", `${(30 * cost.estimated_usd).toFixed(2)} USD`),
        held("1 000 tokens", cost.per_1k_tokens_usd, (usd) => `${usd.toFixed(5)} USD`, {
          below: TARGETS.per_1k_tokens_usd,
          told: `${TARGETS.per_1k_tokens_usd} USD`,
        }),
        plain("active users", `${usage.users.active} (${usage.users.new} new)`),
        held("mean rating", quality.rating_mean, (mean) => mean.toFixed(2), {
          above: TARGETS.rating_mean,
          told: String(TARGETS.rating_mean),
        }),
      ],
      ...(byModel.length > 0 && { table: { columns: ["model", "answers"], rows: byModel } }),
    });
  }
  if (metrics !== undefined) {
    const { input, output, saved, savings_percentage } = metrics.tokens;
    sections.push({
      title: `Tokens of the last ${metrics.period}`,
      figures: [
        plain("sent to models", shownAmount(input)),
        plain("answered by them", shownAmount(output)),
        plain("saved by the optimiser", shownAmount(saved)),
        held("share saved", input + saved > 0 ? savings_percentage : null, (percent) => `${percent.toFixed(1)} %`, {
          above: TARGETS.saving_percent,
          told: `${TARGETS.saving_percent} %`,
        }),
      ],
    });
  }
  return sections;
}
