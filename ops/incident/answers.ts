/** Incidents as the service answers, and as commands print them. */
import { z } from "zod";
import { incident, incidentPage } from "../../worker/schemas/incidents.ts";
import { type Client, pagesOf } from "../service/client.ts";

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

/** Of one incident, by its number or `ref`. */
export const pathOf = (name: string): string => `${PATH}/${encodeURIComponent(name)}`;

/** All incidents of a state, newest first. @throws OpsError as the client does. */
export async function readIncidents(client: Client, state: "open" | "all"): Promise<ShownIncident[]> {
  const found: ShownIncident[] = [];
  for await (const { incidents } of pagesOf(client, `${PATH}?state=${state}&limit=100`, incidentPage))
    found.push(...incidents);
  return found;
}

/** @throws OpsError as the client does, with status 404 where there is none. */
export async function readIncident(client: Client, name: string): Promise<ShownIncident> {
  return client.get(pathOf(name), shownIncident);
}
