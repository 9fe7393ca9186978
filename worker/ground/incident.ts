/** The rules of incidents and maintenance windows: what may be changed, and what comes of it. Pure. */
import {
  INCIDENT_ACTIONS_MAX,
  INCIDENT_ENTRIES_MAX,
  MAINTENANCE_DURATION_MAX_MS,
  MAINTENANCE_START_TOLERANCE_MS,
} from "../limits.ts";
import type {
  ActionItem,
  Incident,
  IncidentChange,
  IncidentEntry,
  IncidentOpening,
  Maintenance,
  MaintenanceChange,
  MaintenanceFacts,
  Outcome,
} from "./status.ts";
import { iso, isoOrNull } from "./time.ts";
import { maintenancePhase } from "./uptime.ts";

/** An incident that begins to be known; it may have begun before. */
export function openedIncident(opening: IncidentOpening, now_ms: number): Outcome<Omit<Incident, "id">> {
  const { text, started_at_ms, opened_at_ms: at_ms, ...facts } = opening;
  if (Math.max(started_at_ms, at_ms) > now_ms + MAINTENANCE_START_TOLERANCE_MS)
    return refused("started_at", "lies in the future: what is planned is maintenance");
  const first: IncidentEntry = { at_ms, state: "investigating", source: "operator", text, is_public: true };
  return kept({
    ...facts,
    state: "investigating",
    started_at_ms,
    resolved_at_ms: null,
    entries: [first],
    action_items: [],
  });
}

/** The incident after a change. Entries are only ever added; a resolved incident may be opened again. */
export function changedIncident(incident: Incident, change: IncidentChange, now_ms: number): Outcome<Incident> {
  const { entry: handedIn, state = incident.state, new_action, done_action, ...facts } = change;
  const isOther = state !== incident.state;
  // What is handed in again, after an answer that was lost or from another machine, is there already.
  const entry = incident.entries.some((known) => isSame(known, handedIn)) ? undefined : handedIn;
  const action_items = changedActions(incident.action_items, { new_action, done_action }, now_ms);
  if (typeof action_items === "string")
    return refused(done_action === undefined ? "new_action" : "done_action", action_items);
  if (entry && entry.at_ms > now_ms + MAINTENANCE_START_TOLERANCE_MS) return refused("at", "lies in the future");
  if (entry && isOther && entry.at_ms < (incident.entries.at(-1)?.at_ms ?? 0))
    return refused("at", "lies before what the timeline has already: hand it in without a change of state");
  if (incident.entries.length >= INCIDENT_ENTRIES_MAX && (entry || isOther))
    return refused("text", `the timeline is full (${INCIDENT_ENTRIES_MAX} entries): open another incident`);
  const at_ms = entry?.at_ms ?? now_ms;
  const line: IncidentEntry = { ...(entry ?? { text: "", source: "operator", is_public: true }), at_ms, state };
  const known = Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined));
  return kept({
    ...incident,
    ...known,
    action_items,
    state,
    resolved_at_ms: state === "resolved" ? (incident.resolved_at_ms ?? at_ms) : null,
    entries: entry || isOther ? inOrder([...incident.entries, line]) : incident.entries,
  });
}

function isSame(known: IncidentEntry, other: IncidentChange["entry"]): boolean {
  return other?.at_ms === known.at_ms && other.source === known.source && other.text === known.text;
}

/** The action items after a change, or what is wrong with it. */
function changedActions(
  items: readonly ActionItem[],
  { new_action, done_action }: Pick<IncidentChange, "new_action" | "done_action">,
  now_ms: number,
): ActionItem[] | string {
  const isThere = items.some(({ text, owner }) => text === new_action?.text && owner === new_action.owner);
  if (new_action !== undefined && !isThere && items.length >= INCIDENT_ACTIONS_MAX)
    return `there are ${INCIDENT_ACTIONS_MAX} already: what is so much is a project`;
  if (done_action !== undefined && !items.some(({ id }) => id === done_action))
    return `there is no action item ${done_action}`;
  const done = items.map((item) =>
    item.id === done_action ? { ...item, done_at_ms: item.done_at_ms ?? now_ms } : item,
  );
  return new_action === undefined || isThere
    ? done
    : [...done, { id: items.length + 1, ...new_action, done_at_ms: null }];
}

/** By time; those of one time in the order in which they came. An entry of the past has the state that held then. */
function inOrder(entries: IncidentEntry[]): IncidentEntry[] {
  const last = entries.at(-1);
  const sorted = entries.toSorted((a, b) => a.at_ms - b.at_ms);
  const before = last === undefined ? undefined : sorted[sorted.indexOf(last) - 1];
  return last === sorted.at(-1) || last === undefined
    ? sorted
    : sorted.map((entry) => (entry === last ? { ...entry, state: before?.state ?? "investigating" } : entry));
}

/** An incident as callers are told of it. */
export function toldIncident({ started_at_ms, resolved_at_ms, entries, action_items, ...facts }: Incident) {
  return {
    ...facts,
    started_at: iso(started_at_ms),
    resolved_at: isoOrNull(resolved_at_ms),
    timeline: entries.map(({ at_ms, ...entry }) => ({ at: iso(at_ms), ...entry })),
    action_items: action_items.map(({ done_at_ms, ...item }) => ({ ...item, done_at: isoOrNull(done_at_ms) })),
  };
}

/** A window that is announced. One that has begun before its announcement is refused: uptime is not rewritten. */
export function announcedMaintenance(
  facts: MaintenanceFacts,
  announced_by: string,
  now_ms: number,
): Outcome<Omit<Maintenance, "id">> {
  if (facts.starts_at_ms < now_ms - MAINTENANCE_START_TOLERANCE_MS)
    return refused("starts_at", "lies in the past: what was not announced is an incident, and its downtime counts");
  return durationFault(facts.starts_at_ms, facts.ends_at_ms) ?? kept({ ...facts, cancelled_at_ms: null, announced_by });
}

/** The window after a change. What is over stays as it was. */
export function changedMaintenance(
  window: Maintenance,
  { is_cancelled, ...change }: MaintenanceChange,
  now_ms: number,
): Outcome<Maintenance> {
  const phase = maintenancePhase(window, now_ms);
  if (phase === "completed" || phase === "cancelled") return refused("id", `the window is ${phase}: announce another`);
  if (is_cancelled === true && phase === "in_progress")
    return refused("is_cancelled", "the window has begun: end it by `ends_at`");
  const { title = window.title, text = window.text, ends_at_ms = window.ends_at_ms } = change;
  if (change.ends_at_ms !== undefined && ends_at_ms < now_ms - MAINTENANCE_START_TOLERANCE_MS)
    return refused("ends_at", "lies in the past");
  const changed = { ...window, title, text, ends_at_ms, cancelled_at_ms: is_cancelled === true ? now_ms : null };
  return durationFault(window.starts_at_ms, ends_at_ms) ?? kept(changed);
}

function durationFault(starts_at_ms: number, ends_at_ms: number): Outcome<never> | null {
  if (ends_at_ms <= starts_at_ms) return refused("ends_at", "must be after the begin");
  return ends_at_ms - starts_at_ms > MAINTENANCE_DURATION_MAX_MS
    ? refused("ends_at", `a window has at most ${MAINTENANCE_DURATION_MAX_MS / 3_600_000} hours`)
    : null;
}

function kept<T>(value: T): Outcome<T> {
  return { kept: value, refused: null };
}

function refused(field: string, reason: string): Outcome<never> {
  return { kept: null, refused: { field, reason } };
}
