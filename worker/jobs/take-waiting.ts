/**
 * Cron takes what commands of ops left in KV while the service was down. Whoever can write there owns the account, and may say so: an audit
 * entry tells that it came this way. One listing for all kinds: the free plan has a thousand a day.
 */
import { append } from "../audit/append.ts";
import { auditEntry } from "../ground/audit-entry.ts";
import { Problem } from "../ground/problem.ts";
import { WAITING_PREFIX, waitingKey } from "../ground/waiting.ts";
import { WAITING_PER_RUN_MAX } from "../limits.ts";
import { takeHeartbeat } from "../operations/alerts.ts";
import { changeIncident, openIncident } from "../operations/incidents.ts";
import { waitingHeartbeat } from "../schemas/alerts.ts";
import { incidentPath, waitingIncident } from "../schemas/incidents.ts";
import type { Work } from "../work.ts";

/** @throws what the audit log or the alert state throws; the rest then waits for the next run. */
export async function takeWaiting(work: Work): Promise<void> {
  const { CONFIG } = work.env;
  const { keys } = await CONFIG.list({ prefix: WAITING_PREFIX });
  const names = keys.map(({ name }) => name);
  // The audit log last: the others need no database, which may be what is down.
  const ordered = (["heartbeat", "incident", "audit"] as const).flatMap((kind) =>
    names.filter((name) => name.startsWith(waitingKey(kind))).map((name) => ({ kind, name })),
  );
  const take = { heartbeat: takeBeat, incident: takeIncident, audit: takeEntry };
  for (const { kind, name } of ordered.slice(0, WAITING_PER_RUN_MAX)) {
    const isTaken = await take[kind](work, await CONFIG.get(name, "json"));
    if (!isTaken) work.log("ERROR", "what waits in KV is no report", { key: name });
    await CONFIG.delete(name);
  }
}

async function takeEntry(work: Work, value: unknown): Promise<boolean> {
  const { data } = auditEntry.safeParse(value);
  if (data !== undefined) await append(work, { ...data, source: "ops", key_id: "operator" });
  return data !== undefined;
}

/** What the book refuses, such as a change to an incident that is not there, stays in the log alone. */
async function takeIncident(work: Work, value: unknown): Promise<boolean> {
  const { data } = waitingIncident.safeParse(value);
  if (data === undefined) return false;
  try {
    if (data.act === "open") await openIncident(work, data.opening, "operator");
    else await changeIncident(work, incidentPath.parse({ id: data.incident }).id, data.change);
    return true;
  } catch (error) {
    if (!(error instanceof Problem) || error.slug === "status-unavailable") throw error;
    work.log("ERROR", "the book of incidents refuses what waited", { report: data.id, reason: error.message });
    return false;
  }
}

async function takeBeat(work: Work, value: unknown): Promise<boolean> {
  const { data } = waitingHeartbeat.safeParse(value);
  if (data !== undefined) await takeHeartbeat(work, data.job, data.beat);
  return data !== undefined;
}
