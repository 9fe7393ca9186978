/** Notifications that come in from elsewhere. */
import { OpenAPIHono } from "@hono/zod-openapi";
import { LOG_MESSAGE_CHARS_MAX, NOTIFICATION_BODY_BYTES_MAX } from "../limits.ts";
import { noteNotification } from "../operations/alerts.ts";
import { cloudflareNotification } from "../schemas/notifications.ts";
import { declareRoute } from "../security/access.ts";
import type { App } from "../security/context.ts";
import { refuseInvalid } from "../security/validation.ts";
import { describeError } from "../telemetry/log.ts";
import { jsonRequest } from "./json-content.ts";

export const notifications = new OpenAPIHono<App>({ defaultHook: refuseInvalid });

const notification = declareRoute(
  "cloudflare",
  {
    method: "post",
    path: "/api/v1/alerts/cloudflare",
    tags: ["Operations"],
    summary: "A notification of Cloudflare",
    description: "Where the declared notification policies send what they have to say.",
    request: { body: jsonRequest(cloudflareNotification) },
    responses: { 204: { description: "Taken down" } },
  },
  { body_bytes_max: NOTIFICATION_BODY_BYTES_MAX },
);

notifications.openapi(notification, async (c) => {
  const { name, text, alert_type, alert_event, alert_correlation_id, policy_id, ts } = c.req.valid("json");
  c.var.work.log("WARN", "cloudflare notification", {
    alert_type: shortened(alert_type),
    alert_event: shortened(alert_event),
    alert_correlation_id: shortened(alert_correlation_id),
    policy_id: shortened(policy_id),
    name: shortened(name),
    text: shortened(text),
    sent_at_s: ts,
  });
  const summary = [alert_type ?? name, text].filter((part) => part !== undefined).join(": ");
  // The line above is there in any case: a notification that is refused would be lost.
  await noteNotification(c.var.work, shortened(summary) ?? "").catch((error: unknown) =>
    c.var.work.log("ERROR", "a notification could not be noted", { error: describeError(error) }),
  );
  return c.body(null, 204);
});

function shortened(text: string | undefined): string | undefined {
  return text?.slice(0, LOG_MESSAGE_CHARS_MAX);
}
