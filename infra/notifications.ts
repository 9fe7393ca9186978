/**
 * Cloudflare's own notifications, sent to the Worker's alert endpoint and to the configured addresses. What the plan
 * does not offer is a named warning; the service's own alert rules cover it.
 */
import { NotificationPolicy, NotificationPolicyWebhooks } from "@pulumi/cloudflare";
import * as pulumi from "@pulumi/pulumi";
import { accountId, availableAlerts, plan } from "./account.ts";
import { ACCOUNT_ALERTS, type AccountAlert, ALERT_WEBHOOK_PATH } from "./account-alerts.ts";
import { config, secrets, stack } from "./config.ts";
import { customDomain, healthcheck, url } from "./domain.ts";
import { nameInStack, SERVICE } from "./inventory.ts";
import { workerDeployment } from "./worker.ts";

interface Wanted extends Omit<AccountAlert, "filters"> {
  filters?: Record<string, pulumi.Input<string>[]>;
}

const zones = config.zone ? [config.zone.id] : [];

const WANTED: Wanted[] = [
  ...ACCOUNT_ALERTS,
  ...(plan.logpush
    ? [{ name: "logpush", alertType: "failing_logpush_job_disabled_alert", description: "Logs no longer arrive" }]
    : []),
  ...(config.zone
    ? [
        {
          name: "traffic",
          alertType: "traffic_anomalies_alert",
          description: "Traffic left its usual band",
          filters: { zones },
        },
        {
          name: "edge-errors",
          alertType: "http_alert_edge_error",
          description: "More answers than usual are errors made at the edge",
          filters: { zones, slos: ["99.5"] },
        },
        {
          name: "origin-errors",
          alertType: "http_alert_origin_error",
          description: "More answers than usual are errors of the Worker",
          filters: { zones, slos: ["99.5"] },
        },
        {
          name: "health",
          alertType: "health_check_status_notification",
          description: "Cloudflare's health check changed its mind",
          ...(healthcheck ? { filters: { healthCheckIds: [healthcheck.id] } } : {}),
        },
      ]
    : []),
];

/** Names of the alert types that are wanted and that this account cannot have. */
export const missingAlerts = [
  ...new Set(WANTED.map(({ alertType }) => alertType).filter((type) => !availableAlerts.has(type))),
];
for (const type of missingAlerts)
  await pulumi.log.warn(
    `${type} is not among the alerts of this account (plan ${config.plan}): it is left out, and the Worker's own alert rules must do.`,
  );

const webhook = new NotificationPolicyWebhooks(
  `${SERVICE}-alerts`,
  {
    accountId,
    name: nameInStack(SERVICE, stack),
    url: pulumi.interpolate`${url}${ALERT_WEBHOOK_PATH}`,
    secret: secrets.ALERT_WEBHOOK_SECRET,
  },
  // Cloudflare calls the endpoint once before it accepts it.
  { dependsOn: [workerDeployment, ...(customDomain ? [customDomain] : [])] },
);

for (const { name, alertType, description, filters } of WANTED) {
  if (!availableAlerts.has(alertType)) continue;
  new NotificationPolicy(`${SERVICE}-alert-${name}`, {
    accountId,
    name: `${nameInStack(SERVICE, stack)} ${name}`,
    description,
    alertType,
    enabled: true,
    ...(filters ? { filters } : {}),
    mechanisms: {
      webhooks: [{ id: webhook.id }],
      ...(config.notificationEmails.length > 0 ? { emails: config.notificationEmails.map((id) => ({ id })) } : {}),
    },
  });
}
