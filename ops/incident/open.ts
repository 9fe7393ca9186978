/** `ops incident open` */
import { z } from "zod";
import type { AlertRule } from "../../worker/alerts/rule.ts";
import { ALL_RULES } from "../../worker/alerts/rules.ts";
import { COMPONENTS, SEVERITIES } from "../../worker/ground/status.ts";
import { iso } from "../../worker/ground/time.ts";
import { requestSeries } from "../../worker/schemas/dashboard.ts";
import { readAlerts } from "../alerts/answers.ts";
import { actorName } from "../command/actor.ts";
import { defineCommand } from "../command/define.ts";
import { asOpsError, misuse, OpsError } from "../command/errors.ts";
import type { Invocation, Outcome } from "../command/invocation.ts";
import { commaList, momentBefore } from "../command/options.ts";
import { allRunbooks } from "../runbook/library.ts";
import { type Client, decode } from "../service/client.ts";
import { nameOf, shownIncident } from "./answers.ts";
import { clockOf } from "./clock.ts";
import { failingSince } from "./measures.ts";
import { isDown, newRef, tell, WHEREABOUTS } from "./reports.ts";
import { clockTold, headTold, whereaboutsTold } from "./shown.ts";

/** critical is SEV-1 or SEV-2, as `worker/alerts/rule.ts` says: the alert's runbook says which. */
const SEVERITY_OF = { critical: "SEV-2", warning: "SEV-3", info: "SEV-4" } as const;
const OUTAGE = "SEV-1";

const output = z.strictObject({
  dry_run: z.boolean(),
  where: z
    .enum(WHEREABOUTS)
    .nullable()
    .describe("who has it: the service, KV, or this machine alone; null in a dry run"),
  incident: shownIncident.nullable(),
  respond_by: z.string().nullable(),
  update_due: z.string().nullable(),
  runbook: z.string().nullable().describe("of the alert"),
});

export const incidentOpen = defineCommand({
  path: "incident open",
  group: "incident",
  summary: "open an incident: on the status page at once, told to channels within five minutes",
  notes: `SEV-1: outage, response within 15 min. SEV-2: a part is lost, 1 h. SEV-3: worse than it should be, 4 h. SEV-4: a blemish, one business day. With
--alert, title and severity are the alert's where they are not given (SEV-1 where its runbook is for that), and it began when requests began to fail
right before it. Where the service does not answer, it is left in KV, or waits on this machine, and has a name (r-…) instead of a number; of an alert
only its rule is known then.`,
  risk: "change",
  args: z.object({ title: z.string().optional().describe("public, one line; may be left out with --alert") }),
  options: z.object({
    severity: z.enum(SEVERITIES).optional().describe("how bad it is"),
    services: commaList(COMPONENTS)
      .default(["api"])
      .describe(`what is affected: ${COMPONENTS.join(", ")}`),
    text: z.string().optional().describe("the first public news (default: that it is being looked at)"),
    commander: z.string().optional().describe("who leads; never public (default: you)"),
    started: momentBefore
      .optional()
      .meta({ placeholder: "when", description: "when it began: 20m, or an ISO date (default: now)" }),
    alert: z.string().optional().meta({ placeholder: "id", description: "the alert that told of it" }),
  }),
  output,
  examples: [
    'incident open "Search is slow" --severity SEV-3 --services vectorize',
    "incident open --alert error-rate",
  ],
  async run(invocation, { title, alert, started, ...given }): Promise<Outcome<z.infer<typeof output>>> {
    const now_ms = invocation.now();
    const from = alert === undefined ? null : await alertNamed(invocation, alert);
    const [named, severity] = [title ?? from?.summary, given.severity ?? from?.severity];
    if (named === undefined || severity === undefined) throw incomplete(named === undefined ? "a title" : "--severity");
    const opening = {
      title: named,
      severity,
      components: given.services,
      text: given.text ?? "We see it and are looking for the cause.",
      commander: given.commander ?? actorName(),
      started_at: iso(started?.(now_ms) ?? from?.began_ms ?? now_ms),
      opened_at: iso(now_ms),
      ref: newRef(),
    };
    const runbook = from?.runbook ?? null;
    if (invocation.dry_run) {
      const data = { dry_run: true, where: null, incident: null, respond_by: null, update_due: null, runbook };
      return { data, text: `Would open an incident of ${severity} since ${opening.started_at}: ${named}` };
    }
    const { incident, where } = await tell(invocation, { act: "open", opening });
    if (incident === null) throw new Error("an incident that was opened is not there");
    const { respond_by, update_due } = clockOf(incident, now_ms);
    const id = nameOf(incident);
    const text = [
      headTold(incident),
      `  ${clockTold(incident, invocation)}`,
      ...whereaboutsTold(where),
      ...(runbook === null ? [] : [`Runbook:   npm run ops -- runbook run ${runbook}`]),
      `Tell news: npm run ops -- incident update ${id} --text "…"`,
      `Its end:   npm run ops -- incident resolve ${id} --text "…"`,
    ].join("\n");
    const audit = { detail: { incident: id, severity, where, alert: alert ?? null } };
    return { data: { dry_run: false, where, incident, respond_by, update_due, runbook }, text, audit };
  },
});

/** What is said about an incident by its alert, whose id may be that of its rule. */
async function alertNamed(invocation: Invocation, id: string) {
  try {
    const client = await invocation.client();
    const { alerts } = await readAlerts(client);
    const found = alerts.find((one) => one.id === id) ?? alerts.find((one) => one.rule === id);
    if (found === undefined) throw noSuchAlert(id, "there is no such alert now");
    return { ...found, severity: await severityOf(found), began_ms: await beganBefore(client, found.since) };
  } catch (error) {
    if (!isDown(error)) throw error;
    return await ruleNamed(invocation, id);
  }
}

/** The service alone knows its alerts; the page of a dead one names the rule, which is here. */
async function ruleNamed(invocation: Invocation, id: string) {
  const rule = ALL_RULES.find((one) => one.id === id.split(":")[0]);
  if (rule === undefined)
    throw noSuchAlert(id, "the service does not answer, and there is no rule of this name, either");
  invocation.note(`The service does not answer: of ${id} only its rule is known. Since when it is so, --started says.`);
  return { summary: rule.summary, runbook: rule.runbook, severity: await severityOf(rule), began_ms: null };
}

async function severityOf({
  severity,
  runbook,
}: Pick<AlertRule, "severity" | "runbook">): Promise<(typeof SEVERITIES)[number]> {
  const known = await allRunbooks();
  const isOutage = known.some(({ id, front_matter }) => id === runbook && front_matter?.severity === OUTAGE);
  return severity === "critical" && isOutage ? OUTAGE : SEVERITY_OF[severity];
}

function noSuchAlert(subject: string, cause: string): OpsError {
  const hint = "npm run ops -- alerts list; or give a title and --severity";
  return new OpsError({ op: "open an incident for", subject, cause, hint });
}

/** Callers met it before a rule told it; where the meter does not say since when, it began with its alert. */
async function beganBefore(client: Client, since: string): Promise<number> {
  const since_ms = Date.parse(since);
  const series = await client.get("/dashboard/series?period=1h").catch(asOpsError);
  if (series instanceof OpsError) return since_ms;
  return failingSince(decode(requestSeries, series, "GET /dashboard/series"), since_ms) ?? since_ms;
}

function incomplete(what: string): OpsError {
  const hint = 'npm run ops -- incident open "Search is slow" --severity SEV-3, or --alert ID';
  return misuse({ op: "open", subject: "an incident", cause: `it needs ${what}`, hint });
}
