/**
 * The dashboard's script: asks for a key, keeps it in a variable of this tab and nowhere else, and shows what the API answers.
 *
 * What this version of the service does not have (404) or the key may not see (403) is said in its panel; the rest is shown.
 */
import type { AlertList } from "../schemas/alerts.ts";
import type { RequestSeries } from "../schemas/dashboard.ts";
import type { QueueStatus } from "../schemas/debug.ts";
import type { Health } from "../schemas/health.ts";
import type { IncidentPage } from "../schemas/incidents.ts";
import type { Metrics } from "../schemas/metrics.ts";
import type { UsageSummary } from "../schemas/usage.ts";
import { chartPanels, figureTiles } from "./dashboard-figures.ts";
import { alertsPanel, incidentsPanel, queuePanel, quotasPanel } from "./dashboard-lists.ts";
import { keyIn, part } from "./dom.ts";
import type { Fetched } from "./panel.ts";

const REFRESH_MS = 30_000;

const unlock = part("unlock", HTMLFormElement);
const keyField = part("key", HTMLInputElement);
const refusal = part("refusal", HTMLElement);
const board = part("board", HTMLElement);
const panels = part("panels", HTMLElement);
const age = part("age", HTMLElement);
const period = part("period", HTMLSelectElement);

let key = "";
let timer = 0;

unlock.addEventListener("submit", (event) => {
  event.preventDefault();
  key = keyIn(keyField);
  keyField.value = "";
  void show();
});
period.addEventListener("change", () => void show());
part("refresh", HTMLButtonElement).addEventListener("click", () => void show());
part("lock", HTMLButtonElement).addEventListener("click", () => lock(""));
// A tab that nobody looks at asks for nothing.
document.addEventListener("visibilitychange", () => {
  if (!document.hidden && key !== "") void show();
});

function lock(reason: string): void {
  key = "";
  clearTimeout(timer);
  panels.replaceChildren();
  board.hidden = true;
  unlock.hidden = false;
  refusal.textContent = reason;
  keyField.focus();
}

async function show(): Promise<void> {
  clearTimeout(timer);
  const asked_with = key;
  const identity = await fetched("/api/v1/auth/verify", "POST");
  if (key === "" || key !== asked_with) return;
  if ("missing" in identity) return lock(identity.missing);
  const query = `?period=${period.value}`;
  const [health, metrics, series, usage, alerts, incidents, queue] = await Promise.all([
    fetched<Health>("/health"),
    fetched<Metrics>(`/metrics${query}`),
    fetched<RequestSeries>(`/dashboard/series${query}`),
    fetched<UsageSummary>("/api/v1/usage/summary"),
    fetched<AlertList>("/api/v1/alerts"),
    fetched<IncidentPage>("/api/v1/incidents?state=open"),
    fetched<QueueStatus>("/debug/queue-status"),
  ]);
  // Locked, or opened with another key, while the answers were on their way.
  if (key === "" || key !== asked_with) return;
  const isFirst = board.hidden;
  unlock.hidden = true;
  board.hidden = false;
  panels.replaceChildren(
    figureTiles(health, metrics),
    alertsPanel(alerts),
    incidentsPanel(incidents),
    ...chartPanels(series),
    quotasPanel(metrics, usage),
    queuePanel(queue),
  );
  age.textContent = `As of ${new Date().toISOString().slice(11, 19)} UTC`;
  if (isFirst) part("title", HTMLElement).focus();
  if (!document.hidden) timer = window.setTimeout(() => void show(), REFRESH_MS);
}

/** An answer, or why there is none. */
async function fetched<T>(path: string, method = "GET"): Promise<Fetched<T>> {
  try {
    const headers = { authorization: `Bearer ${key}`, accept: "application/json" };
    const response = await fetch(path, { method, headers, credentials: "omit", cache: "no-store" });
    const body: unknown = await response.json().catch(() => null);
    // Health answers 503 when it is bad, and says so in the same shape.
    if (response.ok || path === "/health") return { data: body as T };
    if (response.status === 404) return { missing: "This version of the service does not have it." };
    const { detail } = (body ?? {}) as { detail?: unknown };
    return { missing: typeof detail === "string" ? detail : `Answered ${response.status}.` };
  } catch {
    return { missing: "The service cannot be reached." };
  }
}
