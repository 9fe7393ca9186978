/**
 * What is told of incidents, on its way to the service: kept here first, then sent, or left in KV where cron and the next command take it from
 * (`command/waiting-reports.ts`). While the service is down, an incident is what its reports say of it, by the rules of the book.
 */
import { randomBytes } from "node:crypto";
import { z } from "zod";
import { changedIncident, openedIncident, toldIncident } from "../../worker/ground/incident.ts";
import { COMPONENTS, ENTRY_SOURCES, INCIDENT_STATES, type Incident, SEVERITIES } from "../../worker/ground/status.ts";
import { asOpsError, isReason, OpsError } from "../command/errors.ts";
import type { Invocation } from "../command/invocation.ts";
import {
  bringFromKv,
  bringReport,
  bringReports,
  isNowhere,
  type ReportKind,
  reportsHere,
  reportsInKv,
} from "../command/waiting-reports.ts";
import { PATH, pathOf, readIncident, type ShownIncident, shownIncident } from "./answers.ts";

const opening = z.object({
  title: z.string(),
  severity: z.enum(SEVERITIES),
  components: z.array(z.enum(COMPONENTS)),
  text: z.string(),
  commander: z.string().nullable(),
  started_at: z.string(),
  opened_at: z.string(),
  ref: z.string(),
});
const change = z.object({
  title: z.string().optional(),
  severity: z.enum(SEVERITIES).optional(),
  components: z.array(z.enum(COMPONENTS)).optional(),
  commander: z.string().nullable().optional(),
  state: z.enum(INCIDENT_STATES).optional(),
  text: z.string().optional(),
  is_public: z.boolean().optional(),
  source: z.enum(ENTRY_SOURCES).optional(),
  at: z.string().optional(),
  new_action: z.object({ text: z.string(), owner: z.string().nullable(), due: z.string().nullable() }).optional(),
  done_action: z.int().optional(),
});
const facts = { id: z.string(), at_ms: z.int() };
const report = z.discriminatedUnion("act", [
  z.object({ act: z.literal("open"), ...facts, opening }),
  z.object({ act: z.literal("change"), ...facts, incident: z.string(), change }),
]);
type IncidentReport = z.infer<typeof report>;
type IncidentChange = z.infer<typeof change>;
type IncidentOpening = z.infer<typeof opening>;

const REPORTS: ReportKind<IncidentReport> = {
  kind: "incident",
  schema: report,
  request: (one) =>
    one.act === "open"
      ? { path: PATH, body: one.opening }
      : { method: "PATCH", path: pathOf(one.incident), body: one.change },
  // The book refuses it for good: there is no such incident, or it cannot be so changed.
  settled: [400, 404],
};

/** A name for an incident, which can stand for its number. */
export function newRef(): string {
  return `r-${randomBytes(4).toString("hex")}`;
}

/** What is told of an incident. */
export type Act =
  | { act: "open"; opening: IncidentOpening }
  | { act: "change"; incident: string; change: IncidentChange };

/** Where what was told is: the service took it, or it waits for it in the account or on this machine. */
export const WHEREABOUTS = ["service", "kv", "machine"] as const;
export type Whereabouts = (typeof WHEREABOUTS)[number];

/**
 * Tells the service, behind what waited for it; where that does not answer, leaves it waiting.
 * @throws OpsError for what the service refuses.
 */
export async function tell(
  invocation: Invocation,
  act: Act,
): Promise<{ incident: ShownIncident | null; where: Whereabouts }> {
  invocation.begin({});
  try {
    const client = await invocation.client();
    await bringWaiting(invocation);
    const incident =
      act.act === "open"
        ? await client.post(PATH, act.opening, { repeatable: true, answer: shownIncident })
        : await client.patch(pathOf(act.incident), act.change, { answer: shownIncident });
    return { incident, where: "service" };
  } catch (error) {
    if (!isDown(error)) throw error;
    return await leave(invocation, act);
  }
}

async function leave(
  invocation: Invocation,
  act: Act,
): Promise<{ incident: ShownIncident | null; where: Whereabouts }> {
  const at_ms = invocation.now();
  // Sorts by time in KV, too.
  const id = `${String(at_ms).padStart(13, "0")}-${randomBytes(4).toString("hex")}`;
  const where = await bringReport(invocation, REPORTS, { ...act, id, at_ms }).then(
    (place): Whereabouts => place ?? "machine",
    (error: unknown): Whereabouts => {
      if (isNowhere(error)) throw error;
      return "machine";
    },
  );
  const name = act.act === "open" ? act.opening.ref : act.incident;
  // It did not answer for a moment only, and has taken it.
  if (where === "service") return { incident: await readIncident(await invocation.client(), name), where };
  const waiting = await waitingIncidents(invocation);
  return { incident: waiting.find(({ incident }) => incident.ref === name)?.incident ?? null, where };
}

/** Brings what waits to the service, which answers again. What cannot be brought waits on. */
export async function bringWaiting(invocation: Invocation): Promise<void> {
  try {
    await bringFromKv(invocation, REPORTS);
    await bringReports(invocation, REPORTS);
  } catch (error) {
    invocation.note(`What waits of incidents could not be brought: ${asOpsError(error).message}`);
  }
}

/** An incident that only waits for the service, and the place where its opening does. */
export interface WaitingIncident {
  incident: ShownIncident;
  where: Exclude<Whereabouts, "service">;
}

/** Incidents that only wait, as their reports have them, oldest first. */
export async function waitingIncidents(invocation: Invocation): Promise<WaitingIncident[]> {
  const here = await reportsHere(invocation, REPORTS);
  const left = await reportsInKv(invocation, REPORTS).catch((error: unknown) => {
    invocation.note(`What waits in KV cannot be read: ${asOpsError(error).message}`);
    return [];
  });
  const reports = [...here, ...left].sort((one, other) => one.at_ms - other.at_ms);
  const kept = new Set(here.map(({ id }) => id));
  return foldReports(reports).map(({ incident, opening }) => {
    return { incident, where: kept.has(opening) ? "machine" : "kv" };
  });
}

/** What reports in their order come to; `opening` is the id of the one that opened it. Pure. */
function foldReports(reports: readonly IncidentReport[]): { incident: ShownIncident; opening: string }[] {
  const known = new Map<string, { incident: Incident; opening: string }>();
  for (const one of reports) {
    if (one.act === "open") {
      const { started_at, opened_at, ...rest } = one.opening;
      const times = {
        started_at_ms: Date.parse(started_at),
        opened_at_ms: Date.parse(opened_at),
        opened_by: "operator",
      };
      const { kept } = openedIncident({ ...rest, ...times }, one.at_ms);
      if (kept !== null) known.set(rest.ref, { incident: { id: 0, ...kept }, opening: one.id });
      continue;
    }
    const before = known.get(one.incident);
    // Of an incident of the service, which that alone can tell.
    if (before === undefined) continue;
    const { text, is_public = true, source = "operator", at, ...rest } = one.change;
    const entry =
      text === undefined
        ? {}
        : { entry: { text, is_public, source, at_ms: at === undefined ? one.at_ms : Date.parse(at) } };
    const { kept } = changedIncident(before.incident, { ...rest, ...entry }, one.at_ms);
    if (kept !== null) known.set(one.incident, { ...before, incident: kept });
  }
  return [...known.values()].map(({ incident, opening }) => ({
    incident: { ...toldIncident(incident), id: null },
    opening,
  }));
}

/** Whether the service did not answer, or its book of incidents did not: what is told then waits. */
export function isDown(error: unknown): boolean {
  if (isReason(error, "unreachable", "timed-out", "not-running", "never-deployed", "resource-missing")) return true;
  return error instanceof OpsError && error.status !== undefined && error.status >= 500;
}

/** An incident where it is: with the service, or waiting for it. @throws OpsError where it is nowhere. */
export async function findIncident(
  invocation: Invocation,
  name: string,
): Promise<{ incident: ShownIncident; where: Whereabouts }> {
  try {
    const client = await invocation.client();
    await bringWaiting(invocation);
    return { incident: await readIncident(client, name), where: "service" };
  } catch (error) {
    if (!isDown(error)) throw error;
    const waiting = (await waitingIncidents(invocation)).find(({ incident }) => incident.ref === name);
    if (waiting === undefined) throw error;
    return waiting;
  }
}
