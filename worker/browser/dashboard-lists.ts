/** The dashboard's lists: what is wrong, what runs out, what waits. */

import { shape } from "../pages/shape.ts";
import type { AlertList } from "../schemas/alerts.ts";
import type { QueueStatus } from "../schemas/debug.ts";
import type { IncidentPage } from "../schemas/incidents.ts";
import type { Metrics } from "../schemas/metrics.ts";
import type { UsageSummary } from "../schemas/usage.ts";
import { drawing, el } from "./dom.ts";
import { count, type Fetched, missing, panelOf, shortTime } from "./panel.ts";

export function alertsPanel(answer: Fetched<AlertList>): HTMLElement {
  return panelOf("Alerts", "alerts", answer, ({ alerts }) => {
    const live = alerts.filter(({ state }) => state !== "resolved");
    if (live.length === 0) return [nothing("No alert.")];
    return [el("ul", {}, ...live.map(alertLine))];
  });
}

function alertLine({
  state,
  severity,
  summary,
  runbook,
  since,
  acknowledged,
  silenced_until,
}: AlertList["alerts"][number]) {
  const about = [
    state,
    `since ${shortTime(since)} UTC`,
    ...(acknowledged ? [`taken by ${acknowledged.by}`] : []),
    ...(silenced_until ? [`silent until ${shortTime(silenced_until)} UTC`] : []),
    ...(runbook ? [`runbook ${runbook}`] : []),
  ];
  return el(
    "li",
    { class: `severity-${severity}` },
    el("strong", {}, `${severity}: ${summary}`),
    small(about.join(" · ")),
  );
}

export function incidentsPanel(answer: Fetched<IncidentPage>): HTMLElement {
  return panelOf("Open incidents", "alerts", answer, ({ incidents }) => {
    if (incidents.length === 0) return [nothing("No open incident.")];
    const lines = incidents.map(({ id, title, severity, state, started_at, commander }) => {
      const about = [
        state,
        `since ${shortTime(started_at)} UTC`,
        ...(commander === null ? [] : [`led by ${commander}`]),
      ];
      const link = el("a", { href: `/status#incident-${id}` }, `${severity}: ${title}`);
      return el(
        "li",
        { class: severity <= "SEV-2" ? "severity-critical" : "severity-warning" },
        el("strong", {}, link),
        small(about.join(" · ")),
      );
    });
    return [el("ul", {}, ...lines)];
  });
}

/** What the day has used of its allowances, worst first, and when each runs out. */
export function quotasPanel(metrics: Fetched<Metrics>, usage: Fetched<UsageSummary>): HTMLElement {
  return panelOf("Allowances of this day", "quotas", metrics, ({ resources }) => {
    const { neurons_used: _, neurons_limit: __, ...allowances } = resources;
    const rows = Object.entries(allowances)
      .toSorted(([, one], [, other]) => other.usage_percentage - one.usage_percentage)
      .map(([name, { used, limit, usage_percentage, state, runs_out_at }]) =>
        el(
          "tr",
          { class: `quota-${state}` },
          el("th", { scope: "row" }, name.replaceAll("_", " ")),
          el("td", {}, meter(usage_percentage)),
          el("td", { class: "number" }, `${count(used)} / ${count(limit)}`),
          el("td", { class: "number" }, `${usage_percentage.toFixed(1)} %`),
          el("td", {}, state),
          el("td", {}, runs_out_at === null ? "" : `runs out ${runs_out_at.slice(11, 16)} UTC`),
        ),
      );
    const heads = ["Resource", "Share", "Used / limit", "Percent", "State", "Forecast"];
    const head = el("tr", {}, ...heads.map((name) => el("th", { scope: "col" }, name)));
    const table = el("table", {}, el("thead", {}, head), el("tbody", {}, ...rows));
    return [
      el("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": "Allowances" }, table),
      ...usageLine(usage),
    ];
  });
}

function usageLine(usage: Fetched<UsageSummary>): HTMLElement[] {
  if ("missing" in usage) return [missing(`Users, cost and quality: ${usage.missing}`)];
  const { users, cost, quality } = usage.data;
  const told = [
    `${count(users.active)} active users, ${count(users.new)} new`,
    `${cost.estimated_usd.toFixed(4)} USD at list price`,
    ...(quality.rating_mean === null
      ? []
      : [`rated ${quality.rating_mean.toFixed(2)} of 5 by ${count(quality.ratings)}`]),
  ];
  return [small(told.join(" · "))];
}

/** A bar of 100 units; an SVG, since a width of its own would need a style that the page's policy refuses. */
function meter(percentage: number): SVGElement {
  const width = Math.min(100, Math.max(percentage > 0 ? 1 : 0, percentage));
  return drawing(
    shape("svg", { viewBox: "0 0 100 8", class: "meter", preserveAspectRatio: "none", "aria-hidden": "true" }, [
      shape("rect", { width: 100, height: 8, class: "ground" }),
      shape("rect", { width, height: 8, class: "fill" }),
    ]),
  );
}

/** What waits in each queue and since when, and what died last. */
export function queuePanel(answer: Fetched<QueueStatus>): HTMLElement {
  return panelOf("Queues", "queue", answer, ({ queues, dead_letters }) => {
    const figure = (name: string, value: string, more: string) =>
      el("div", {}, el("dt", {}, name), el("dd", {}, value), el("dd", {}, small(more)));
    const [newest] = dead_letters;
    return [
      el(
        "dl",
        {},
        ...queues.map(({ name, backlog, oldest_at }) =>
          figure(
            name,
            `${count(backlog)} waiting`,
            oldest_at ? `the oldest since ${shortTime(oldest_at)} UTC` : "none is old",
          ),
        ),
        figure(
          "dead letters",
          count(dead_letters.length),
          newest ? `the last at ${shortTime(newest.failed_at)} UTC: ${newest.type}` : "nothing has died",
        ),
      ),
    ];
  });
}

function nothing(text: string): HTMLElement {
  return el("p", { class: "nothing" }, text);
}

function small(text: string): HTMLElement {
  return el("small", {}, text);
}
