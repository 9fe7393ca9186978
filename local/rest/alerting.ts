/** Notifications as records: policies, webhooks, and which alerts the plan has. Nothing is ever sent from here. */
import { randomBytes, randomUUID } from "node:crypto";
import { Hono } from "hono";
import { z } from "zod";
import type { Engine } from "../engine.ts";
import type { AlertWebhookRecord } from "../registry.ts";
import { ApiError, notFound, ok } from "./envelope.ts";
import { jsonBody } from "./request-body.ts";

const ALERTING_MALFORMED = 17_001;

/** Alerts of an account without a zone. The live list differs by account: programs must ask for it. */
const ALERTS = {
  free: {
    Billing: ["billing_usage_alert"],
    "Cloudflare Status": ["incident_alert", "maintenance_event_notification"],
    "Security Center": ["security_insights_alert"],
  },
  paid: {
    Billing: ["billing_usage_alert"],
    "Cloudflare Status": ["incident_alert", "maintenance_event_notification"],
    "Health Checks": ["health_check_status_notification"],
    Logpush: ["failing_logpush_job_disabled_alert"],
    "Security Center": ["security_insights_alert"],
  },
} as const;

const recipients = z.array(z.object({ id: z.string() })).optional();
const policyBody = z.object({
  name: z.string().min(1),
  description: z.string().optional(),
  enabled: z.boolean().default(true),
  alert_type: z.string(),
  alert_interval: z.string().optional(),
  filters: z.record(z.string(), z.array(z.string())).optional(),
  mechanisms: z.strictObject({ email: recipients, webhooks: recipients, pagerduty: recipients }),
});
const webhookBody = z.object({ name: z.string().min(1), url: z.url(), secret: z.string().optional() });

/** Routes below `/accounts/:account_id`. */
export function alertingRoutes(engine: Engine, plan: "free" | "paid"): Hono {
  const { registry } = engine;
  const timestamp = () => new Date(engine.now()).toISOString();
  const available: Record<string, readonly string[]> = ALERTS[plan];
  const policy = (id: string) =>
    registry.get("alert_policy", id) ?? notFound(17_102, `The notification policy ${id} does not exist.`);
  const webhook = (id: string) =>
    registry.get("alert_webhook", id) ?? notFound(17_202, `The webhook ${id} does not exist.`);
  const refuse = ({ alert_type, mechanisms }: z.infer<typeof policyBody>) => {
    if (!Object.values(available).flat().includes(alert_type))
      throw new ApiError(400, ALERTING_MALFORMED, `alert_type ${alert_type} is not available to this account`);
    if (Object.values(mechanisms).every((one) => one === undefined || one.length === 0))
      throw new ApiError(400, ALERTING_MALFORMED, "a policy needs at least one mechanism");
    for (const { id } of mechanisms.webhooks ?? []) webhook(id);
  };
  const shownWebhook = ({ secret: _, ...record }: AlertWebhookRecord) => record;

  return new Hono()
    .get("/alerting/v3/available_alerts", (c) =>
      ok(
        c,
        Object.fromEntries(
          Object.entries(available).map(([product, types]) => [
            product,
            types.map((type) => ({ type, display_name: type, description: "", filter_options: [] })),
          ]),
        ),
      ),
    )
    .get("/alerting/v3/policies", (c) => ok(c, registry.list("alert_policy")))
    .post("/alerting/v3/policies", async (c) => {
      const body = await jsonBody(c, policyBody, ALERTING_MALFORMED);
      refuse(body);
      const now = timestamp();
      const record = { ...body, id: randomUUID(), created: now, modified: now };
      registry.put("alert_policy", record.id, record);
      return ok(c, { id: record.id });
    })
    .get("/alerting/v3/policies/:id", (c) => ok(c, policy(c.req.param("id"))))
    .put("/alerting/v3/policies/:id", async (c) => {
      const { id, created } = policy(c.req.param("id"));
      const body = await jsonBody(c, policyBody, ALERTING_MALFORMED);
      refuse(body);
      registry.put("alert_policy", id, { ...body, id, created, modified: timestamp() });
      return ok(c, { id });
    })
    .delete("/alerting/v3/policies/:id", (c) => {
      const { id } = policy(c.req.param("id"));
      registry.delete("alert_policy", id);
      return ok(c, null);
    })
    .get("/alerting/v3/destinations/webhooks", (c) => ok(c, registry.list("alert_webhook").map(shownWebhook)))
    .post("/alerting/v3/destinations/webhooks", async (c) => {
      const body = await jsonBody(c, webhookBody, ALERTING_MALFORMED);
      const record = { ...body, id: randomBytes(16).toString("hex"), type: "generic", created_at: timestamp() };
      registry.put("alert_webhook", record.id, record);
      return ok(c, { id: record.id }, { status: 201 });
    })
    .get("/alerting/v3/destinations/webhooks/:id", (c) => ok(c, shownWebhook(webhook(c.req.param("id")))))
    .put("/alerting/v3/destinations/webhooks/:id", async (c) => {
      const record = webhook(c.req.param("id"));
      const body = await jsonBody(c, webhookBody, ALERTING_MALFORMED);
      registry.put("alert_webhook", record.id, { ...record, ...body });
      return ok(c, { id: record.id });
    })
    .delete("/alerting/v3/destinations/webhooks/:id", (c) => {
      const { id } = webhook(c.req.param("id"));
      const user = registry
        .list("alert_policy")
        .find(({ mechanisms }) => JSON.stringify(mechanisms ?? {}).includes(id));
      if (user) throw new ApiError(400, ALERTING_MALFORMED, `The policy ${String(user.name)} still uses this webhook`);
      registry.delete("alert_webhook", id);
      return ok(c, null);
    });
}
