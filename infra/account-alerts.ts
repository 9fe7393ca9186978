/** Cloudflare's notifications that every account should have, whatever its plan and zone. Filters as Pulumi spells them. */

/** 80 % of what R2 gives free of charge a month. https://developers.cloudflare.com/r2/pricing/#free-tier */
const R2_BYTES = 8 * 10 ** 9;
const R2_WRITES = 800_000;

/** Where the Worker takes them. */
export const ALERT_WEBHOOK_PATH = "/api/v1/alerts/cloudflare";

export interface AccountAlert {
  name: string;
  alertType: string;
  description: string;
  filters?: Record<string, string[]>;
}

export const ACCOUNT_ALERTS: readonly AccountAlert[] = [
  {
    name: "r2-storage",
    alertType: "billing_usage_alert",
    description: "R2 holds 80 % of what is free",
    filters: { products: ["r2_storage"], limits: [String(R2_BYTES)] },
  },
  {
    name: "r2-writes",
    alertType: "billing_usage_alert",
    description: "R2 took 80 % of the writes that are free",
    filters: { products: ["r2_class_a_operations"], limits: [String(R2_WRITES)] },
  },
  {
    name: "incidents",
    alertType: "incident_alert",
    description: "Cloudflare has a major or critical incident",
    filters: { incidentImpacts: ["INCIDENT_IMPACT_MAJOR", "INCIDENT_IMPACT_CRITICAL"] },
  },
  { name: "maintenance", alertType: "maintenance_event_notification", description: "Cloudflare plans maintenance" },
  { name: "security", alertType: "security_insights_alert", description: "Cloudflare found a weakness in the account" },
];
