/** `ops incident postmortem` */
import { z } from "zod";
import { requestSeries } from "../../worker/schemas/dashboard.ts";
import { readAlerts } from "../alerts/answers.ts";
import { defineCommand } from "../command/define.ts";
import { asOpsError } from "../command/errors.ts";
import type { Invocation, Outcome } from "../command/invocation.ts";
import { writeOutput } from "../command/output-file.ts";
import { type ShownIncident, shownEntry, shownIncident } from "./answers.ts";
import { gatherEvents, type Happened } from "./events.ts";
import { impact, impactOf, merged, mttd_s, mttr_s, periodSince } from "./measures.ts";
import { postmortemDraft } from "./postmortem-draft.ts";
import { findIncident } from "./reports.ts";

const output = z.strictObject({
  incident: shownIncident,
  mttd_s: z.number().nullable().describe("from its begin until it was noticed; null: that is not known"),
  mttr_s: z.number().nullable().describe("from its begin to its end; null while it is open"),
  impact: impact.nullable().describe("null where it was not counted, or the service does not answer"),
  timeline: z.array(shownEntry.omit({ state: true })),
  markdown: z.string(),
  out: z.string().nullable(),
});

export const incidentPostmortem = defineCommand({
  path: "incident postmortem",
  group: "incident",
  summary: "draft a post-mortem: times, impact, timeline and action items are filled in, causes are for people",
  notes:
    "A review is due within 48 hours of the end. What must be done goes into the incident (incident update --action) and is listed until it is done.",
  risk: "read",
  args: z.object({ id: z.string().describe("its number, or its name (r-…)") }),
  options: z.object({
    out: z
      .string()
      .optional()
      .meta({ placeholder: "file", description: "write the draft there, where no file is yet" }),
  }),
  output,
  examples: ["incident postmortem 12", "incident postmortem 12 --out postmortem.md"],
  async run(invocation, { id, out = null }): Promise<Outcome<z.infer<typeof output>>> {
    const { incident, where } = await findIncident(invocation, id);
    const answers = where === "service";
    const timeline = merged(incident.timeline, answers ? await events(invocation, incident) : []);
    const measured = {
      mttd_s: mttd_s({ ...incident, timeline }),
      mttr_s: mttr_s(incident),
      impact: answers ? await impactFor(invocation, incident) : null,
    };
    const markdown = postmortemDraft(incident, timeline, measured);
    // Somebody may have written the causes into an earlier one.
    if (out !== null) await writeOutput(out, { op: "write the draft into", is_new: true }, async () => markdown);
    return {
      data: { incident, ...measured, timeline, markdown, out },
      text: out === null ? markdown.trimEnd() : `Written: ${out}`,
    };
  },
});

async function events(invocation: Invocation, incident: ShownIncident): Promise<Happened[]> {
  const client = await invocation.client();
  return await gatherEvents(invocation, client, await readAlerts(client).catch(() => null), incident);
}

async function impactFor(
  invocation: Invocation,
  { started_at, resolved_at }: ShownIncident,
): Promise<z.infer<typeof impact> | null> {
  const now_ms = invocation.now();
  const period = periodSince(Date.parse(started_at), now_ms);
  if (period === null) return null;
  try {
    const path = `/dashboard/series?period=${period}`;
    const series = await (await invocation.client()).get(path, requestSeries);
    return impactOf(series, Date.parse(started_at), resolved_at === null ? now_ms : Date.parse(resolved_at));
  } catch (error) {
    invocation.note(`The impact is not known: ${asOpsError(error).message}`);
    return null;
  }
}
