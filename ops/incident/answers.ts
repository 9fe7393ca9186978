/** Incidents as the service answers, and as commands print them: the shapes of `worker/schemas/incidents.ts`. */
import { z } from "zod";
import { COMPONENTS, ENTRY_SOURCES, INCIDENT_STATES, SEVERITIES } from "../../worker/ground/status.ts";
import { type Client, decode } from "../service/client.ts";

export const shownEntry = z.object({
  at: z.string(),
  state: z.enum(INCIDENT_STATES),
  source: z.enum(ENTRY_SOURCES),
  text: z.string(),
  is_public: z.boolean(),
});
export type ShownEntry = z.infer<typeof shownEntry>;

export const shownAction = z.object({
  id: z.int(),
  text: z.string(),
  owner: z.string().nullable(),
  due: z.string().nullable(),
  done_at: z.string().nullable(),
});

export const shownIncident = z.object({
  id: z.int().nullable().describe("null while the service has not taken it"),
  ref: z.string().nullable(),
  title: z.string(),
  severity: z.enum(SEVERITIES),
  components: z.array(z.enum(COMPONENTS)),
  state: z.enum(INCIDENT_STATES),
  commander: z.string().nullable(),
  opened_by: z.string(),
  started_at: z.string(),
  resolved_at: z.string().nullable(),
  timeline: z.array(shownEntry),
  action_items: z.array(shownAction),
});
export type ShownIncident = z.infer<typeof shownIncident>;

const page = z.object({ incidents: z.array(shownIncident), next_cursor: z.string().nullable() });

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
    const answer: z.infer<typeof page> = decode(
      page,
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
