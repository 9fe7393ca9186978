/** What the service answers about alerts, as commands print it: the shapes of `worker/schemas/alerts.ts`. */
import { z } from "zod";
import { CHANGE_KINDS, SEVERITIES } from "../../worker/alerts/rule.ts";
import { type Client, decode } from "../service/client.ts";

export const shownAlert = z.object({
  id: z.string(),
  rule: z.string(),
  labels: z.record(z.string(), z.string()),
  state: z.enum(["pending", "firing", "resolved"]),
  severity: z.enum(SEVERITIES),
  summary: z.string(),
  runbook: z.string().nullable(),
  value: z.number().nullable(),
  since: z.string(),
  flaps: z.number(),
  told_at: z.string().nullable(),
  escalated: z.number(),
  acknowledged: z.object({ by: z.string(), at: z.string() }).nullable(),
  silenced_until: z.string().nullable(),
});

export const shownChange = z.object({ at: z.string(), kind: z.enum(CHANGE_KINDS), summary: z.string() });
export const shownSilence = z.object({ id: z.string(), until: z.string(), by: z.string(), reason: z.string() });
export const shownDelivery = z.object({
  id: z.number(),
  channel: z.string(),
  kind: z.string(),
  alert: z.string(),
  state: z.enum(["waiting", "sent", "given up"]),
  attempts: z.number(),
  created_at: z.string(),
  at: z.string(),
  error: z.string().nullable(),
});
const shownJob = z.object({
  job: z.string(),
  result: z.string(),
  at: z.string(),
  duration_ms: z.number().nullable(),
  succeeded_at: z.string().nullable(),
  next_due_at: z.string().nullable(),
  late_s: z.number(),
});

export const shownAlerts = z.object({
  evaluated_at: z.string().nullable(),
  configuration: z.enum(["none", "valid", "invalid"]),
  channels: z.array(z.object({ id: z.string(), type: z.string() })),
  on_call: z.record(z.string(), z.string()),
  alerts: z.array(shownAlert),
  silences: z.array(shownSilence),
  jobs: z.array(shownJob),
  deliveries: z.array(shownDelivery),
  changes: z.array(shownChange),
});
type ShownAlerts = z.infer<typeof shownAlerts>;

/** @throws OpsError as the client does. */
export async function readAlerts(client: Client): Promise<ShownAlerts> {
  return decode(shownAlerts, await client.get("/api/v1/alerts"), "GET /api/v1/alerts");
}
