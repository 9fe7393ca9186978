/** `ops incident update` */
import { z } from "zod";
import { counted } from "../../worker/ground/counted.ts";
import { COMPONENTS, INCIDENT_STATES, SEVERITIES } from "../../worker/ground/status.ts";
import { defineCommand } from "../command/define.ts";
import { misuse } from "../command/errors.ts";
import type { Outcome } from "../command/invocation.ts";
import { commaList } from "../command/options.ts";
import { shownIncident } from "./answers.ts";
import { clockOf } from "./clock.ts";
import { fillTimeline } from "./fill.ts";
import { findIncident, tell, WHEREABOUTS } from "./reports.ts";
import { clockTold, headTold, whereaboutsTold } from "./shown.ts";

const output = z.strictObject({
  dry_run: z.boolean(),
  where: z.enum(WHEREABOUTS).nullable(),
  incident: shownIncident.nullable().describe("null where the service does not answer and knows it alone"),
  added: z.int().describe("lines of the timeline that alerts, deployments, the audit log and runbooks gave"),
  update_due: z.string().nullable(),
});

export const incidentUpdate = defineCommand({
  path: "incident update",
  group: "incident",
  summary: "tell news of an incident, change it, note what must be done, and fill its timeline",
  notes:
    "The next news are due half an hour (SEV-1), an hour (SEV-2), four hours (SEV-3) or a working day (SEV-4) after the last public ones.",
  risk: "change",
  args: z.object({ id: z.string().describe("its number, or its name (r-…)") }),
  options: z.object({
    text: z.string().optional().describe("the news"),
    private: z.boolean().optional().describe("the news are for the team only"),
    state: z.enum(INCIDENT_STATES).exclude(["resolved"]).optional().describe("how far it is; incident resolve ends it"),
    severity: z.enum(SEVERITIES).optional().describe("how bad it is after all"),
    services: commaList(COMPONENTS)
      .optional()
      .meta({ placeholder: "services", description: "what is affected after all" }),
    commander: z.string().optional().describe("who leads from now on"),
    action: z.string().optional().describe("what must be done so that it does not happen again"),
    owner: z.string().optional().describe("who does that"),
    due: z.iso.date().optional().meta({ placeholder: "day", description: "until when, e.g. 2026-12-06" }),
    done: z.int().optional().meta({ placeholder: "number", description: "an action item that is done" }),
  }),
  output,
  examples: [
    'incident update 12 --text "The index is being filled again." --state identified',
    'incident update 12 --action "Alert on orphan vectors" --owner ann --due 2026-12-06',
    "incident update 12 --done 1",
  ],
  async run(
    invocation,
    { id, services, action, owner = null, due = null, done, private: isPrivate, ...given },
  ): Promise<Outcome<z.infer<typeof output>>> {
    if (action === undefined && (owner ?? due) !== null)
      throw misuse({
        op: "change the incident",
        subject: id,
        cause: "--owner and --due tell of an action item",
        hint: 'add --action "…"',
      });
    const change = {
      ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)),
      ...(services && { components: services }),
      ...(action !== undefined && { new_action: { text: action, owner, due } }),
      ...(done !== undefined && { done_action: done }),
      ...(given.text !== undefined && { is_public: isPrivate !== true, at: new Date(invocation.now()).toISOString() }),
    };
    if (invocation.dry_run) {
      const text = `Would change incident ${id}: ${Object.keys(change).join(", ") || "its timeline alone"}`;
      return { data: { dry_run: true, where: null, incident: null, added: 0, update_due: null }, text };
    }
    const told =
      Object.keys(change).length > 0
        ? await tell(invocation, { act: "change", incident: id, change })
        : await findIncident(invocation, id);
    const { incident, where } = told;
    if (incident === null) {
      const data = { dry_run: false, where, incident, added: 0, update_due: null };
      return { data, text: whereaboutsTold(where).join("\n"), audit: { detail: { incident: id, where } } };
    }
    const added = await fillTimeline(invocation, incident);
    const { update_due } = clockOf(incident, invocation.now());
    const text = [
      headTold(incident),
      `  ${clockTold(incident, invocation)}`,
      ...(added > 0 ? [`  ${counted(added, "line")} added to its timeline`] : []),
      ...whereaboutsTold(where),
    ].join("\n");
    return {
      data: { dry_run: false, where, incident, added, update_due },
      text,
      audit: { detail: { incident: id, where, changed: Object.keys(change) } },
    };
  },
});
