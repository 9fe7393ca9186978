/**
 * Cron takes what commands of ops left in KV while the service was down. Whoever can write there owns the account, and may say so: an audit
 * entry tells that it came this way. One listing for all kinds: the free plan has a thousand a day.
 */
import { append } from "../audit/append.ts";
import { auditEntry } from "../ground/audit-entry.ts";
import { WAITING_PREFIX, waitingKey } from "../ground/waiting.ts";
import { WAITING_PER_RUN_MAX } from "../limits.ts";
import { takeHeartbeat } from "../operations/alerts.ts";
import { waitingHeartbeat } from "../schemas/alerts.ts";
import type { Work } from "../work.ts";

/** @throws what the audit log or the alert state throws; the rest then waits for the next run. */
export async function takeWaiting(work: Work): Promise<void> {
  const { CONFIG } = work.env;
  const { keys } = await CONFIG.list({ prefix: WAITING_PREFIX });
  const names = keys.map(({ name }) => name);
  const isHeartbeat = (name: string) => name.startsWith(waitingKey("heartbeat"));
  // Heartbeats first: they need no database, which may be what is down.
  const ordered = [...names.filter(isHeartbeat), ...names.filter((name) => !isHeartbeat(name))];
  for (const name of ordered.slice(0, WAITING_PER_RUN_MAX)) {
    const value = await CONFIG.get(name, "json");
    const isTaken = isHeartbeat(name) ? await takeBeat(work, value) : await takeEntry(work, value);
    if (!isTaken) work.log("ERROR", "what waits in KV is no report", { key: name });
    await CONFIG.delete(name);
  }
}

async function takeEntry(work: Work, value: unknown): Promise<boolean> {
  const { data } = auditEntry.safeParse(value);
  if (data !== undefined) await append(work, { ...data, source: "ops", key_id: "operator" });
  return data !== undefined;
}

async function takeBeat(work: Work, value: unknown): Promise<boolean> {
  const { data } = waitingHeartbeat.safeParse(value);
  if (data !== undefined) await takeHeartbeat(work, data.job, data.beat);
  return data !== undefined;
}
