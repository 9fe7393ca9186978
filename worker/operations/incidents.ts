/**
 * Incidents and maintenance windows, kept by the book of status: they work while the database does not. Each change is in the audit log; that
 * one was opened or resolved is told through the channels of alerts.
 */
import type { z } from "zod";
import { audit } from "../audit/append.ts";
import { toldIncident } from "../ground/incident.ts";
import { Problem } from "../ground/problem.ts";
import type { Maintenance } from "../ground/status.ts";
import { iso } from "../ground/time.ts";
import { maintenancePhase } from "../ground/uptime.ts";
import type {
  incidentChange,
  incidentListQuery,
  incidentOpening,
  maintenanceAnnouncement,
  maintenanceChange,
  maintenanceListQuery,
  maintenance as maintenanceView,
} from "../schemas/incidents.ts";
import type { Work } from "../work.ts";
import { tellOfIncident } from "./alerts.ts";
import { accepted, askBook } from "./status.ts";

export async function pageOfIncidents({ env }: Work, { state, limit, cursor }: z.infer<typeof incidentListQuery>) {
  const found = await askBook(env, (book) => book.incidents(state, cursorId(cursor), limit + 1));
  return { incidents: found.slice(0, limit).map(toldIncident), next_cursor: nextCursor(found, limit) };
}

/** @throws Problem `no-such-incident` */
export async function findIncident({ env }: Work, id: number | string) {
  const found = await askBook(env, (book) => book.incident(id));
  if (found === null) throw new Problem("no-such-incident", "There is no incident with this id.");
  return toldIncident(found);
}

/** @throws Problem `invalid-request` for one that is to begin in the future. */
export async function openIncident(work: Work, facts: z.infer<typeof incidentOpening>, opened_by: string) {
  const { now_ms } = work;
  const { started_at, opened_at, commander = null, ref = null, ...rest } = facts;
  const opened_at_ms = opened_at === undefined ? now_ms : Date.parse(opened_at);
  const started_at_ms = started_at === undefined ? opened_at_ms : Date.parse(started_at);
  const opening = { ...rest, commander, ref, started_at_ms, opened_at_ms, opened_by };
  const incident = accepted(await askBook(work.env, (book) => book.openIncident(opening, now_ms)));
  const { id, severity, title, components } = incident;
  await audit(work, { action: "incident.open", subject: String(id), detail: { severity, components, opened_by } });
  tellOfIncident(work, `incident ${id} (${severity}) is open: ${title}`);
  return toldIncident(incident);
}

/** @throws Problem `no-such-incident`, or `invalid-request` for an entry that the timeline cannot take. */
export async function changeIncident(work: Work, id: number | string, change: z.infer<typeof incidentChange>) {
  const { now_ms } = work;
  const { text, is_public = true, source = "operator", at, ...facts } = change;
  const at_ms = at === undefined ? now_ms : Date.parse(at);
  const entry = text === undefined ? {} : { entry: { text, is_public, source, at_ms } };
  const before = await findIncident(work, id);
  const outcome = await askBook(work.env, (book) => book.changeIncident(id, { ...facts, ...entry }, now_ms));
  const incident = accepted(outcome);
  const changed = Object.keys(facts);
  // Lines that only complete the timeline are where they come from already.
  if (source === "operator")
    await audit(work, {
      action: "incident.change",
      subject: String(incident.id),
      detail: { changed, state: incident.state },
    });
  if (incident.state !== before.state && [incident.state, before.state].includes("resolved"))
    tellOfIncident(work, `incident ${incident.id} is ${incident.state}: ${incident.title}`);
  return toldIncident(incident);
}

export async function pageOfMaintenance(
  { env, now_ms }: Work,
  { limit, cursor }: z.infer<typeof maintenanceListQuery>,
) {
  const found = await askBook(env, (book) => book.maintenance(cursorId(cursor), limit + 1));
  const maintenance = found.slice(0, limit).map((window) => shownMaintenance(window, now_ms));
  return { maintenance, next_cursor: nextCursor(found, limit) };
}

/** @throws Problem `invalid-request` for a window of the past or a wrong length. */
export async function announceMaintenance(work: Work, announcement: z.infer<typeof maintenanceAnnouncement>) {
  const { starts_at, ends_at, ...facts } = announcement;
  const window = { ...facts, starts_at_ms: Date.parse(starts_at), ends_at_ms: Date.parse(ends_at) };
  const outcome = await askBook(work.env, (book) => book.announce(window, work.caller.key_id, work.now_ms));
  const { id, components } = accepted(outcome);
  await audit(work, {
    action: "maintenance.announce",
    subject: String(id),
    detail: { components, starts_at, ends_at },
  });
  return shownMaintenance(accepted(outcome), work.now_ms);
}

/** @throws Problem `no-such-incident`, or `invalid-request` for what a window of its phase cannot take. */
export async function changeMaintenance(work: Work, id: number, change: z.infer<typeof maintenanceChange>) {
  const { ends_at, ...rest } = change;
  const changed = { ...rest, ...(ends_at === undefined ? {} : { ends_at_ms: Date.parse(ends_at) }) };
  const outcome = await askBook(work.env, (book) => book.changeMaintenance(id, changed, work.now_ms));
  await audit(work, {
    action: "maintenance.change",
    subject: String(accepted(outcome).id),
    detail: { changed: Object.keys(changed) },
  });
  return shownMaintenance(accepted(outcome), work.now_ms);
}

function cursorId(cursor: string | undefined): number | null {
  return cursor === undefined ? null : Number(cursor);
}

/** One more than asked for was read: that there is more shows by it. */
function nextCursor(found: readonly { id: number }[], limit: number): string | null {
  return found.length > limit ? String(found[limit - 1]?.id) : null;
}

function shownMaintenance(window: Maintenance, now_ms: number): z.infer<typeof maintenanceView> {
  const { starts_at_ms, ends_at_ms, cancelled_at_ms: _, ...facts } = window;
  return {
    ...facts,
    starts_at: iso(starts_at_ms),
    ends_at: iso(ends_at_ms),
    phase: maintenancePhase(window, now_ms),
  };
}
