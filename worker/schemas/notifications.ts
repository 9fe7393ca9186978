/**
 * Notifications of Cloudflare. Which fields there are differs by alert and over time, and a notification that is refused is lost:
 * a field that is not as documented counts as absent.
 * https://developers.cloudflare.com/notifications/reference/webhook-payload-schema/
 */
import { z } from "@hono/zod-openapi";

const text = (description: string) => z.string().optional().catch(undefined).openapi({ type: "string", description });

export const cloudflareNotification = z
  .looseObject({
    name: text("Name of the notification"),
    text: text("What happened, for people"),
    alert_type: text("What kind of alert it is; absent in a test of the webhook"),
    alert_event: text("Whether it starts or ends: `ALERT_STATE_EVENT_START` or `…_END`"),
    alert_correlation_id: text("The same for the start and the end of one alert"),
    policy_id: text("The notification policy"),
    policy_name: text("Its name"),
    account_id: text("The account"),
    ts: z
      .number()
      .optional()
      .catch(undefined)
      .openapi({ type: "number", description: "When it was made, in seconds since 1970" }),
  })
  .openapi("CloudflareNotification");
