/** `ops incident resolve` */
import { z } from "zod";
import type { AlertList } from "../../worker/schemas/alerts.ts";
import { readAlerts } from "../alerts/answers.ts";
import { defineCommand } from "../command/define.ts";
import { refusal } from "../command/errors.ts";
import type { Invocation, Outcome } from "../command/invocation.ts";
import { shownTime } from "../command/quantities.ts";
import { ALERTS_STALE_MS } from "../limits.ts";
import { nameOf, type ShownIncident, shownIncident } from "./answers.ts";
import { fillTimeline } from "./fill.ts";
import { mttr_s } from "./measures.ts";
import { findIncident, isDown, tell, WHEREABOUTS } from "./reports.ts";
import { whereaboutsTold } from "./shown.ts";

const output = z.strictObject({
  dry_run: z.boolean(),
  where: z.enum(WHEREABOUTS).nullable(),
  incident: shownIncident.nullable(),
  doubts: z.array(z.string()).describe("why it may not be over; overridden where it was resolved all the same"),
});

export const incidentResolve = defineCommand({
  path: "incident resolve",
  group: "incident",
  summary: "end an incident, once its alerts have cleared",
  notes:
    "Exit code 3: alerts fire, or it cannot be known. --override resolves it all the same and is recorded, in its timeline and in the audit log.",
  risk: "change",
  args: z.object({ id: z.string().describe("its number, or its name (r-…)") }),
  options: z.object({
    text: z.string().default("It is over.").describe("the last public news"),
    override: z
      .string()
      .min(1)
      .optional()
      .meta({ placeholder: "reason", description: "why it is over although alerts say otherwise" }),
  }),
  output,
  examples: ['incident resolve 12 --text "Search is as fast as before."'],
  async run(invocation, { id, text, override }): Promise<Outcome<z.infer<typeof output>>> {
    const { incident: before } = await findIncident(invocation, id);
    const doubts = await doubtsAbout(invocation, before);
    if (doubts.length > 0 && override === undefined && !invocation.dry_run)
      throw refusal({
        op: "resolve incident",
        subject: id,
        cause: doubts.join("; "),
        hint: 'alerts are evaluated every five minutes (npm run ops -- alerts list); --override "reason" if it is over all the same',
      });
    if (invocation.dry_run) {
      const would =
        doubts.length === 0
          ? `Would resolve incident ${id}`
          : `Would refuse to resolve incident ${id}: ${doubts.join("; ")}`;
      return { data: { dry_run: true, where: null, incident: null, doubts }, text: would };
    }
    await fillTimeline(invocation, before);
    const at = () => new Date(invocation.now()).toISOString();
    if (doubts.length > 0) {
      const why = `resolved although ${doubts.join("; ")}: ${override}`;
      await tell(invocation, {
        act: "change",
        incident: id,
        change: { text: why, is_public: false, source: "operator", at: at() },
      });
    }
    const { incident, where } = await tell(invocation, {
      act: "change",
      incident: id,
      change: { state: "resolved", text, at: at() },
    });
    const took_s = incident === null ? null : mttr_s(incident);
    const lines = [
      `Incident ${id} is resolved${took_s === null ? "" : ` after ${shownTime(1_000 * took_s)}`}.`,
      ...whereaboutsTold(where),
      `Its review is due within 48 hours: npm run ops -- incident postmortem ${incident === null ? id : nameOf(incident)} --out postmortem.md`,
    ];
    const audit = { detail: { incident: id, where, doubts, override: override ?? null } };
    return { data: { dry_run: false, where, incident, doubts }, text: lines.join("\n"), audit };
  },
});

/** Why an incident may not be over. */
async function doubtsAbout(invocation: Invocation, incident: ShownIncident): Promise<string[]> {
  let known: AlertList;
  try {
    known = await readAlerts(await invocation.client());
  } catch (error) {
    if (!isDown(error)) throw error;
    return ["the service does not answer, so nobody knows whether alerts fire"];
  }
  return doubtsOf(known, incident, invocation.now());
}

/** The same, of what is known of alerts. An alert counts that pages, or began with the incident, or is in its timeline. Pure. */
export function doubtsOf(
  { evaluated_at, alerts }: Pick<AlertList, "evaluated_at" | "alerts">,
  { started_at, timeline }: Pick<ShownIncident, "started_at" | "timeline">,
  now_ms: number,
): string[] {
  if (evaluated_at === null || now_ms - Date.parse(evaluated_at) > ALERTS_STALE_MS)
    return [`alerts were last evaluated ${evaluated_at === null ? "never" : `at ${evaluated_at}`}`];
  return alerts
    .filter(({ state }) => state === "firing")
    .filter(({ id, severity, since }) => {
      const isItsOwn = timeline.some(({ source, text }) => source === "alert" && text.startsWith(`alert ${id} `));
      return severity === "critical" || isItsOwn || Date.parse(since) >= Date.parse(started_at);
    })
    .map(({ id, since }) => `alert ${id} fires since ${since}`);
}
