/** Incidents as the service answers, and as commands print them. */
import { z } from "zod";
import { incident, incidentPage } from "../../worker/schemas/incidents.ts";
import { type Client, decode } from "../service/client.ts";

export const shownIncident = incident.extend({
  id: z.int().nullable().describe("null while the service has not taken it"),
});
export const shownEntry = incident.shape.timeline.element;
export type ShownEntry = z.infer<typeof shownEntry>;
export type ShownIncident = z.infer<typeof shownIncident>;

export const PATH = "/api/v1/incidents";

/** What people call an incident by. */
export function nameOf({ id, ref }: Pick<ShownIncident, "id" | "ref">): string {
  return id === null ? (ref ?? "?") : String(id);
}

/** All incidents of a state, newest first. @throws OpsError as the client does. */
export async function readIncidents(client: Client, state: "open" | "all"): Promise<ShownIncident[]> {
  const found: ShownIncident[] = [];
  let cursor: string | null = null;
  do {
    const from: string = cursor === null ? "" : `&cursor=${cursor}`;
    const answer: z.infer<typeof incidentPage> = decode(
      incidentPage,
      await client.get(`${PATH}?state=${state}&limit=100${from}`),
      `GET ${PATH}`,
    );
    found.push(...answer.incidents);
    cursor = answer.next_cursor;
  } while (cursor !== null);
  return found;
}

/** @throws OpsError as the client does, with status 404 where there is none. */
export async function readIncident(client: Client, name: string): Promise<ShownIncident> {
  const path = `${PATH}/${encodeURIComponent(name)}`;
  return decode(shownIncident, await client.get(path), `GET ${path}`);
}
