/** What happened around an incident, from where it is known already: alerts, deployments, the audit log, runs of runbooks. */
import { nameInStack, SERVICE } from "../../infra/inventory.ts";
import { iso } from "../../worker/ground/time.ts";
import type { AlertList } from "../../worker/schemas/alerts.ts";
import { auditPage } from "../../worker/schemas/audit.ts";
import { createCloudflare } from "../cloudflare/api.ts";
import { workerVersions } from "../cloudflare/worker-versions.ts";
import type { Invocation } from "../command/invocation.ts";
import { INCIDENT_EVENTS_MAX, INCIDENT_LOOK_BACK_MS, INCIDENT_SAME_EVENT_MS } from "../limits.ts";
import { timelineOf } from "../runbook/show-run.ts";
import { beginOf, readTranscript, runsIn } from "../runbook/transcript.ts";
import { type Client, decode } from "../service/client.ts";
import type { ShownEntry, ShownIncident } from "./answers.ts";

export type Happened = Pick<ShownEntry, "at" | "source" | "text">;

const TOLD: Readonly<Record<string, string>> = {
  firing: "fires",
  escalation: "is escalated",
  acknowledged: "is acknowledged",
  resolved: "is resolved",
};

/** Alerts that fired and resolved, and what changed, from an answer about alerts. Pure. */
export function happenedByAlerts({
  alerts,
  deliveries,
  changes,
}: Pick<AlertList, "alerts" | "deliveries" | "changes">): Happened[] {
  const states = alerts.flatMap(({ id, state, since, summary }): Happened[] => {
    if (state === "firing") return [{ at: since, source: "alert", text: `alert ${id} fires: ${summary}` }];
    return state === "resolved" ? [{ at: since, source: "alert", text: `alert ${id} is resolved` }] : [];
  });
  const told = deliveries.flatMap(({ kind, alert, created_at }): Happened[] => {
    const words = TOLD[kind];
    return words === undefined ? [] : [{ at: created_at, source: "alert", text: `alert ${alert} ${words}` }];
  });
  const changed = changes.map(({ at, kind, summary }): Happened => {
    return { at, source: kind === "deploy" ? "deploy" : "alert", text: `${kind}: ${summary}` };
  });
  return [...states, ...told, ...changed.filter(({ text }) => !text.startsWith("incident: "))];
}

/** What the service does for callers is no news; these change how it behaves. */
const TELLING = /^(mode|blocklist|maintenance)\.|^keys\.revoke$/;

async function happenedByAudit(client: Client, from_ms: number, to_ms: number): Promise<Happened[]> {
  const query = new URLSearchParams({ from: iso(from_ms), to: iso(to_ms), limit: "200" });
  const path = `/api/v1/audit-logs?${query}`;
  // Once: with the database down, each further try would keep whoever tells news waiting.
  const response = await client.send("GET", path);
  if (!response.ok) throw new Error(`it answers ${response.status}`);
  const { entries } = decode(auditPage, await response.json(), "GET /api/v1/audit-logs");
  return entries
    .filter(({ source, action }) => TELLING.test(action) || (source === "ops" && !/^(incident|runbook) /.test(action)))
    .map(({ at, actor, action, outcome, subject }): Happened => {
      const source = /^(deploy|rollback)$/.test(action) ? "deploy" : "audit";
      return { at, source, text: `${actor}: ${[action, subject].filter(Boolean).join(" ")}, ${outcome}` };
    });
}

/** As Cloudflare has them: of a version that never lived, or that somebody deployed by hand, the service itself knows nothing. */
async function happenedByDeployments({ target, stack, signal }: Invocation): Promise<Happened[]> {
  const address = await (await target()).api();
  const versions = workerVersions(
    createCloudflare(address, { signal }),
    address.account_id,
    nameInStack(SERVICE, stack),
  );
  return (await versions.deployments()).map(({ created_on, versions: shares }): Happened => {
    const served = shares.filter(({ percentage }) => percentage > 0);
    const text = served.map(({ version_id, percentage }) => `version ${version_id} gets ${percentage} %`).join(", ");
    return { at: new Date(created_on).toISOString(), source: "deploy", text: `deployment: ${text}` };
  });
}

async function happenedByRunbooks(
  { data_dir, stack }: Invocation,
  from_ms: number,
  to_ms: number,
): Promise<Happened[]> {
  const happened: Happened[] = [];
  for (const run_id of await runsIn(data_dir)) {
    const transcript = await readTranscript(data_dir, run_id);
    const begin = beginOf(transcript.records);
    if (begin?.stack !== stack) continue;
    const lines = timelineOf(transcript).map(
      ({ at, text }): Happened => ({ at, source: "runbook", text: `${begin.runbook}: ${text}` }),
    );
    happened.push(...lines.filter(({ at }) => isWithin(at, from_ms, to_ms)));
    // Newest first: what is older than this one is no nearer.
    if (lines.length > 0 && lines.every(({ at }) => Date.parse(at) < from_ms)) break;
  }
  return happened;
}

/** What happened from a little before an incident until its end, and is not in its timeline. What cannot be asked now is told, and left out. */
export async function gatherEvents(
  invocation: Invocation,
  client: Client,
  alerts: AlertList | null,
  incident: ShownIncident,
): Promise<Happened[]> {
  const from_ms = Date.parse(incident.started_at) - INCIDENT_LOOK_BACK_MS;
  const to_ms = incident.resolved_at === null ? invocation.now() : Date.parse(incident.resolved_at);
  const orNothing = async (what: string, found: Promise<Happened[]>): Promise<Happened[]> => {
    try {
      return (await found).filter(({ at }) => isWithin(at, from_ms, to_ms)).slice(0, INCIDENT_EVENTS_MAX);
    } catch (error) {
      invocation.note(`The timeline lacks ${what}: ${error instanceof Error ? error.message : String(error)}`);
      return [];
    }
  };
  const happened = await Promise.all([
    alerts === null ? [] : orNothing("alerts", Promise.resolve(happenedByAlerts(alerts))),
    orNothing("deployments", happenedByDeployments(invocation)),
    orNothing("the audit log", happenedByAudit(client, from_ms, to_ms)),
    orNothing("runs of runbooks", happenedByRunbooks(invocation, from_ms, to_ms)),
  ]);
  return withoutKnown(happened.flat(), incident.timeline);
}

/** In order of time, each event once. Pure. */
export function withoutKnown(happened: readonly Happened[], timeline: readonly Happened[]): Happened[] {
  const fresh: Happened[] = [];
  for (const one of happened.toSorted((a, b) => Date.parse(a.at) - Date.parse(b.at)))
    if (![...timeline, ...fresh].some((known) => isSame(known, one))) fresh.push(one);
  return fresh;
}

/** An alert's delivery says less than its state. */
function isSame(known: Happened, one: Happened): boolean {
  const head = (text: string) => (one.source === "alert" ? text.split(": ")[0] : text);
  const apart_ms = Math.abs(Date.parse(known.at) - Date.parse(one.at));
  const near_ms = one.source === "alert" ? INCIDENT_SAME_EVENT_MS : 0;
  return known.source === one.source && head(known.text) === head(one.text) && apart_ms <= near_ms;
}

function isWithin(at: string, from_ms: number, to_ms: number): boolean {
  const at_ms = Date.parse(at);
  return at_ms >= from_ms && at_ms <= to_ms;
}
