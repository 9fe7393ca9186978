/** Incidents and maintenance windows, kept by the book of status: they work while the database does not. */
import type { z } from "zod";
import { Problem } from "../ground/problem.ts";
import type { Incident, Maintenance } from "../ground/status.ts";
import { maintenancePhase } from "../ground/uptime.ts";
import type {
  incidentChange,
  incidentListQuery,
  incidentOpening,
  incident as incidentView,
  maintenanceAnnouncement,
  maintenanceChange,
  maintenanceListQuery,
  maintenance as maintenanceView,
} from "../schemas/incidents.ts";
import type { Work } from "../work.ts";
import { accepted, askBook } from "./status.ts";

export async function pageOfIncidents({ env }: Work, { state, limit, cursor }: z.infer<typeof incidentListQuery>) {
  const found = await askBook(env, (book) => book.incidents(state, cursorId(cursor), limit + 1));
  return { incidents: found.slice(0, limit).map(shownIncident), next_cursor: nextCursor(found, limit) };
}

/** @throws Problem `no-such-incident` */
export async function findIncident({ env }: Work, id: number) {
  const found = await askBook(env, (book) => book.incident(id));
  if (found === null) throw new Problem("no-such-incident", "There is no incident with this id.");
  return shownIncident(found);
}

/** @throws Problem `invalid-request` for one that is to begin in the future. */
export async function openIncident(work: Work, { started_at, ...facts }: z.infer<typeof incidentOpening>) {
  const { now_ms, caller } = work;
  const started_at_ms = started_at === undefined ? now_ms : Date.parse(started_at);
  const opening = { ...facts, commander: facts.commander ?? null, started_at_ms, opened_by: caller.key_id };
  return shownIncident(accepted(await askBook(work.env, (book) => book.openIncident(opening, now_ms))));
}

/** @throws Problem `no-such-incident`, or `invalid-request` for an entry that the timeline cannot take. */
export async function changeIncident(work: Work, id: number, change: z.infer<typeof incidentChange>) {
  const { now_ms } = work;
  const { text, is_public = true, source = "operator", at, ...facts } = change;
  const at_ms = at === undefined ? now_ms : Date.parse(at);
  const entry = text === undefined ? {} : { entry: { text, is_public, source, at_ms } };
  const outcome = await askBook(work.env, (book) => book.changeIncident(id, { ...facts, ...entry }, now_ms));
  return shownIncident(accepted(outcome));
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
  return shownMaintenance(accepted(outcome), work.now_ms);
}

/** @throws Problem `no-such-incident`, or `invalid-request` for what a window of its phase cannot take. */
export async function changeMaintenance(work: Work, id: number, change: z.infer<typeof maintenanceChange>) {
  const { ends_at, ...rest } = change;
  const changed = { ...rest, ...(ends_at === undefined ? {} : { ends_at_ms: Date.parse(ends_at) }) };
  const outcome = await askBook(work.env, (book) => book.changeMaintenance(id, changed, work.now_ms));
  return shownMaintenance(accepted(outcome), work.now_ms);
}

function cursorId(cursor: string | undefined): number | null {
  return cursor === undefined ? null : Number(cursor);
}

/** One more than asked for was read: that there is more shows by it. */
function nextCursor(found: readonly { id: number }[], limit: number): string | null {
  return found.length > limit ? String(found[limit - 1]?.id) : null;
}

function iso(at_ms: number): string {
  return new Date(at_ms).toISOString();
}

function shownIncident(incident: Incident): z.infer<typeof incidentView> {
  const { started_at_ms, resolved_at_ms, entries, ...facts } = incident;
  return {
    ...facts,
    started_at: iso(started_at_ms),
    resolved_at: resolved_at_ms === null ? null : iso(resolved_at_ms),
    timeline: entries.map(({ at_ms, ...entry }) => ({ at: iso(at_ms), ...entry })),
  };
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
