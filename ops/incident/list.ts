/** `ops incident list` */
import { z } from "zod";
import { defineCommand } from "../command/define.ts";
import type { Invocation, Outcome } from "../command/invocation.ts";
import { table } from "../command/output.ts";
import { shownTime } from "../command/quantities.ts";
import { nameOf, readIncidents, type ShownIncident, shownIncident } from "./answers.ts";
import { clockOf, dueTold, incidentClock } from "./clock.ts";
import { bringWaiting, isDown, WHEREABOUTS, type Whereabouts, waitingIncidents } from "./reports.ts";

const listed = z.object({
  ...shownIncident.omit({ timeline: true }).shape,
  where: z.enum(WHEREABOUTS),
  ...incidentClock.shape,
});
const output = z.strictObject({
  is_complete: z.boolean().describe("false: the service does not answer, and only what waits for it is listed"),
  incidents: z.array(listed),
  action_items: z
    .array(z.object({ incident: z.string(), ...shownIncident.shape.action_items.element.shape, is_late: z.boolean() }))
    .describe("those that are not done"),
});
type Listed = z.infer<typeof listed>;

export const incidentList = defineCommand({
  path: "incident list",
  group: "incident",
  summary: "incidents that are open, with their clocks, and action items of all that are not done",
  risk: "read",
  options: z.object({ all: z.boolean().optional().describe("those that are resolved, too") }),
  output,
  examples: ["incident list", "incident list --all --json"],
  async run(invocation, { all }): Promise<Outcome<z.infer<typeof output>>> {
    const { known, is_complete } = await knownIncidents(invocation);
    const now_ms = invocation.now();
    const shown = known.filter(({ incident }) => all === true || incident.state !== "resolved");
    const incidents = shown.map(({ incident: { timeline, ...incident }, where }): Listed => {
      return { ...incident, where, ...clockOf({ ...incident, timeline }, now_ms) };
    });
    const today = new Date(now_ms).toISOString().slice(0, 10);
    const action_items = known.flatMap(({ incident }) =>
      incident.action_items
        .filter(({ done_at }) => done_at === null)
        .map((item) => ({ incident: nameOf(incident), ...item, is_late: item.due !== null && item.due < today })),
    );
    const data = { is_complete, incidents, action_items };
    return { data, text: told(data, invocation) };
  },
});

/** Newest first. Only what waits where the service does not answer. */
async function knownIncidents(
  invocation: Invocation,
): Promise<{ known: { incident: ShownIncident; where: Whereabouts }[]; is_complete: boolean }> {
  try {
    const client = await invocation.client();
    await bringWaiting(invocation);
    const incidents = await readIncidents(client, "all");
    return { known: incidents.map((incident) => ({ incident, where: "service" })), is_complete: true };
  } catch (error) {
    if (!isDown(error)) throw error;
    return { known: (await waitingIncidents(invocation)).toReversed(), is_complete: false };
  }
}

function told({ is_complete, incidents, action_items }: z.infer<typeof output>, { terminal, now }: Invocation): string {
  const now_ms = now();
  const open = table(terminal, incidents, [
    { title: "incident", value: nameOf },
    { title: "severity", value: ({ severity }) => severity },
    { title: "state", value: ({ state }) => state },
    { title: "what", value: ({ title }) => title },
    { title: "since", value: ({ started_at }) => `${shownTime(now_ms - Date.parse(started_at))} ago` },
    {
      title: "led by",
      value: (one) =>
        one.commander ?? (one.is_responded ? "nobody named" : `nobody: ${dueTold(one.respond_by, now_ms)}`),
    },
    { title: "next news", value: ({ update_due }) => (update_due === null ? "" : dueTold(update_due, now_ms)) },
  ]);
  const items = table(terminal, action_items, [
    { title: "of incident", value: ({ incident }) => incident },
    { title: "action item", value: ({ id, text }) => `${id}: ${text}` },
    { title: "owner", value: ({ owner }) => owner ?? "nobody" },
    { title: "due", value: ({ due, is_late }) => `${due ?? "no day"}${is_late ? " LATE" : ""}` },
  ]);
  return [
    ...(is_complete
      ? []
      : ["The service does not answer: what it knows of incidents is not listed, only what waits for it."]),
    incidents.length > 0 ? open : "No incident is open.",
    ...(action_items.length > 0 ? ["", items] : []),
    ...(is_complete && incidents.length > 0 ? ["", "Its story: npm run ops -- incident postmortem ID"] : []),
  ].join("\n");
}
