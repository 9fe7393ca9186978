/** Cron's part in incidents: what was told of them while the service did not answer comes into the book. */

import { Problem } from "../ground/problem.ts";
import { INCIDENT_WAITING_PREFIX } from "../ground/status.ts";
import { INCIDENT_WAITING_PER_RUN_MAX } from "../limits.ts";
import { changeIncident, openIncident } from "../operations/incidents.ts";
import { waitingIncident } from "../schemas/incidents.ts";
import type { Work } from "../work.ts";

/** Takes over what commands of ops left in KV, in the order of its times. What the book refuses stays in the log alone. */
export async function completeIncidents(work: Work): Promise<void> {
  const { CONFIG } = work.env;
  const { keys } = await CONFIG.list({ prefix: INCIDENT_WAITING_PREFIX, limit: INCIDENT_WAITING_PER_RUN_MAX });
  for (const { name } of keys) {
    const { data } = waitingIncident.safeParse(await CONFIG.get(name, "json"));
    try {
      if (data === undefined) work.log("ERROR", "what waits in KV tells of no incident", { key: name });
      else if (data.act === "open") await openIncident(work, data.opening, "operator");
      else await changeIncident(work, /^\d+$/.test(data.incident) ? Number(data.incident) : data.incident, data.change);
    } catch (error) {
      if (!(error instanceof Problem) || error.slug === "status-unavailable") throw error;
      work.log("ERROR", "the book of incidents refuses what waited", { key: name, reason: error.message });
    }
    await CONFIG.delete(name);
  }
}
