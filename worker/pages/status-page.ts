/** `/status`: one page of HTML that needs neither a script nor anything from elsewhere. */
import { html, raw } from "hono/html";
import type { Uptime } from "../ground/status.ts";
import { UPTIME_WINDOWS } from "../ground/status.ts";
import { STATUS_DAYS_SHOWN, STATUS_PAST_SHOWN_DAYS } from "../limits.ts";
import type { PublicIncident, PublicMaintenance, PublicStatus } from "../operations/status.ts";
import { frame, type Html } from "./frame.ts";
import { shapeText } from "./shape.ts";
import { historyBars, sparkline } from "./status-charts.ts";
import { COMPONENT_NAMES, INCIDENT_WORDS, LEVEL_WORDS, OVERALL_WORDS, STATE_WORDS } from "./status-words.ts";
import { percent, span, utc } from "./words.ts";

type ShownComponent = PublicStatus["components"][number];

const WINDOW_WORDS: Record<keyof Uptime, string> = {
  "24h": "24 hours",
  "7d": "7 days",
  "30d": "30 days",
  "90d": "90 days",
};

const FEED = html`<link rel="alternate" type="application/rss+xml" title="PRISM status" href="/status.rss">`;

export function statusPage(status: PublicStatus): Html {
  const { incidents, maintenance, components } = status;
  const open = incidents.filter(({ state }) => state !== "resolved");
  const past = incidents.filter(({ state }) => state === "resolved");
  const planned = maintenance.filter(({ phase }) => phase !== "completed");
  const done = maintenance.filter(({ phase }) => phase === "completed");
  return frame(
    `${OVERALL_WORDS[status.overall]} · PRISM status`,
    html`<header><p class="crumb"><a href="/">PRISM</a> status</p>
<h1 class="overall state-${status.overall}">${mark(status.overall)} ${OVERALL_WORDS[status.overall]}</h1>
<p class="age">${ageOfData(status)}</p></header>
<main>
${open.length > 0 ? html`<section><h2>Now</h2>${open.map(incidentArticle)}</section>` : ""}
${
  planned.length > 0
    ? html`<section><h2>Maintenance</h2>${planned.map((window) => maintenanceArticle(window, status.generated_at_ms))}</section>`
    : ""
}
${
  components.length > 0
    ? html`<section><h2>Components</h2>${components.map(componentArticle)}${legend()}</section>`
    : html`<section><h2>Components</h2><p>Their history cannot be read at the moment. <a href="/health">/health</a> says how they are
right now.</p></section>`
}
<section><h2>The last ${STATUS_PAST_SHOWN_DAYS} days</h2>
${past.length + done.length === 0 ? html`<p>${status.data === "unavailable" ? "Not known." : "No incident and no maintenance."}</p>` : ""}
${past.map(incidentArticle)}${done.map((window) => maintenanceArticle(window, status.generated_at_ms))}</section>
</main>
<footer><p><a href="/status.rss">RSS</a> <a href="/status.json">JSON</a> <a href="/status/badge.svg">Badge</a></p>
<p>Checked every five minutes from within. Uptime is the share of checks at which a component served, degraded or not; the
24 hours are the last ones, longer windows are UTC days up to now. A check that did not come counts neither way, nor does one within
maintenance that was announced as not counting.</p></footer>`,
    FEED,
  );
}

function mark(state: keyof typeof STATE_WORDS): Html {
  return html`<span class="mark" aria-hidden="true">${STATE_WORDS[state].mark}</span>`;
}

function time(at_ms: number): Html {
  return html`<time datetime="${new Date(at_ms).toISOString()}">${utc(at_ms)}</time>`;
}

function ageOfData({ data, checked_at_ms, generated_at_ms }: PublicStatus): Html {
  if (data === "unavailable")
    return html`The records cannot be read right now, so this page knows nothing. Try again in a minute.`;
  if (checked_at_ms === null) return html`Nothing has been checked yet.`;
  const age = span(generated_at_ms - checked_at_ms);
  return data === "stale"
    ? html`<strong>Out of date:</strong> the last check was ${age} ago, ${time(checked_at_ms)}. What has been since then is not known.`
    : html`Last check ${age} ago, ${time(checked_at_ms)}.`;
}

function componentArticle({ id, state, latency_ms, uptime, days, latency_by_hour_ms }: ShownComponent): Html {
  const { name, what } = COMPONENT_NAMES[id];
  const bad = days.filter(({ level }) => level === "degraded" || level === "partial" || level === "down");
  const isMeasured = latency_by_hour_ms.some((value) => value !== null);
  return html`<article class="component" id="${id}">
<div class="line"><h3>${name} <small>${what}</small></h3>
<p class="state state-${state}">${mark(state)} ${STATE_WORDS[state].word}</p></div>
${raw(shapeText(historyBars(days, name)))}
<p class="scale" aria-hidden="true"><span>${STATUS_DAYS_SHOWN} days ago</span><span>today</span></p>
<div class="line"><dl class="figures">${UPTIME_WINDOWS.map(
    (window) => html`<div><dt>${WINDOW_WORDS[window]}</dt><dd>${percent(uptime[window])}</dd></div>`,
  )}</dl>
${
  isMeasured
    ? html`<p class="latency">${raw(shapeText(sparkline(latency_by_hour_ms, `Latency of ${name} over the last 24 hours`)))}
<small>${latency_ms === null ? "no answer" : `${latency_ms} ms`}</small></p>`
    : ""
}</div>
${
  bad.length > 0
    ? html`<details><summary>Days with trouble <small>${bad.length}</small></summary><ul>${bad
        .toReversed()
        .map(
          ({ day, level, uptime: share }) =>
            html`<li><time datetime="${day}">${day}</time> ${LEVEL_WORDS[level]}, ${percent(share)}</li>`,
        )}</ul></details>`
    : ""
}
</article>`;
}

/** What bars mean, in the order of their height. */
function legend(): Html {
  const levels = ["up", "degraded", "partial", "down", "maintenance", "none"] as const;
  return html`<p class="legend">${levels.map(
    (level) => html`<span><i class="swatch level-${level}"></i>${LEVEL_WORDS[level]}</span>`,
  )}</p>`;
}

function affected(ids: PublicIncident["components"]): string {
  return ids.map((id) => COMPONENT_NAMES[id].name).join(", ");
}

function incidentArticle(incident: PublicIncident): Html {
  const { id, title, severity, state, components, started_at_ms, resolved_at_ms, entries } = incident;
  const lasted = resolved_at_ms === null ? "" : `, lasted ${span(resolved_at_ms - started_at_ms)}`;
  return html`<article class="incident ${state === "resolved" ? "past" : "open"}" id="incident-${id}">
<h3>${title}</h3>
<p class="about">${INCIDENT_WORDS[state]} · ${severity} · ${affected(components)} · since ${time(started_at_ms)}${lasted}</p>
<ol class="timeline">${entries
    .toReversed()
    .map(
      (entry) =>
        html`<li><p><strong>${INCIDENT_WORDS[entry.state]}</strong> ${time(entry.at_ms)}</p>${
          entry.text === "" ? "" : html`<p class="text">${entry.text}</p>`
        }</li>`,
    )}</ol></article>`;
}

const PHASE_WORDS = { scheduled: "Planned", in_progress: "Under way", completed: "Done", cancelled: "Called off" };

function maintenanceArticle(window: PublicMaintenance, now_ms: number): Html {
  const { id, title, text, components, starts_at_ms, ends_at_ms, counts, phase } = window;
  const soon = phase === "scheduled" ? `, in ${span(starts_at_ms - now_ms)}` : "";
  return html`<article class="incident maintenance ${phase === "completed" ? "past" : "open"}" id="maintenance-${id}">
<h3>${title}</h3>
<p class="about">${PHASE_WORDS[phase]}${soon} · ${affected(components)} · ${time(starts_at_ms)} to ${time(ends_at_ms)} ·
${counts ? "counts as downtime" : "does not count as downtime"}</p>
<p class="text">${text}</p></article>`;
}
