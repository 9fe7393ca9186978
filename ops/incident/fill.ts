/** Fills an incident's timeline from what is known elsewhere. */
import { readAlerts } from "../alerts/answers.ts";
import type { Invocation } from "../command/invocation.ts";
import { nameOf, PATH, type ShownIncident } from "./answers.ts";
import { gatherEvents } from "./events.ts";
import { isDown } from "./reports.ts";

/** How many lines were added to the timeline, for the team only. 0 where the service does not answer: the next command adds them. */
export async function fillTimeline(invocation: Invocation, incident: ShownIncident): Promise<number> {
  if (incident.id === null) return 0;
  const path = `${PATH}/${nameOf(incident)}`;
  let added = 0;
  try {
    const client = await invocation.client();
    const alerts = await readAlerts(client).catch(() => null);
    for (const { at, source, text } of await gatherEvents(invocation, client, alerts, incident)) {
      await client.patch(path, { at, source, text, is_public: false });
      added += 1;
    }
  } catch (error) {
    if (!isDown(error)) throw error;
    invocation.note("The service answers no more: the next incident command fills the timeline.");
  }
  return added;
}
