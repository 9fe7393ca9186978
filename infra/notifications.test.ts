import { beforeAll, describe, expect, test } from "vitest";
import { SERVICE } from "./inventory.ts";
import { ALERTS, type Program, runProgram, ZONE } from "./program.fixture.ts";

const ZONE_ALERTS = [
  "traffic_anomalies_alert",
  "http_alert_edge_error",
  "http_alert_origin_error",
  "health_check_status_notification",
];

let paid: Program;
beforeAll(async () => {
  paid = await runProgram({
    config: { plan: "paid", zone: ZONE, notificationEmails: ["ops@example.com"] },
    alerts: [...ALERTS, ...ZONE_ALERTS, "failing_logpush_job_disabled_alert"],
  });
});

describe("notifications", () => {
  test("go to the Worker's alert endpoint with a secret header, and to the addresses", () => {
    const webhook = paid.named("prism-alerts");
    expect(webhook.inputs.url).toBe(`https://${ZONE.hostname}/api/v1/alerts/cloudflare`);
    expect(webhook.secret_inputs).toContain("secret");
    expect(webhook.depends_on).toContain("prism-deployment");
    const alerts = paid.all("NotificationPolicy");
    for (const { inputs } of alerts)
      expect(inputs.mechanisms).toEqual({ webhooks: [{ id: "prism-alerts-id" }], emails: [{ id: "ops@example.com" }] });
    expect(new Set(alerts.map(({ inputs }) => inputs.alertType))).toEqual(
      new Set([...ALERTS, ...ZONE_ALERTS, "failing_logpush_job_disabled_alert"]),
    );
  });

  test("an alert that the plan lacks is left out, named in a warning and in the outputs", async () => {
    const { outputs, warnings, all } = await runProgram({ alerts: ["incident_alert"], stack: "staging" });
    expect(all("NotificationPolicy").map(({ inputs }) => inputs.alertType)).toEqual(["incident_alert"]);
    expect(outputs.missing_alerts).toEqual([
      "billing_usage_alert",
      "maintenance_event_notification",
      "security_insights_alert",
    ]);
    for (const type of outputs.missing_alerts) expect(warnings.join("\n")).toContain(type);
  });
});

describe("the address", () => {
  test("is workers.dev without a zone, the custom domain with one, and the platform's on the local stack", async () => {
    expect((await runProgram()).outputs.url).toBe("https://prism.example.workers.dev");
    expect(paid.outputs.url).toBe(`https://${ZONE.hostname}`);
    expect((await runProgram({ stack: "local" })).outputs.url).toBe("http://127.0.0.1:8787");
    expect(paid.named(SERVICE).inputs.subdomain).toEqual({ enabled: false, previewsEnabled: false });
  });

  test("a zone has its firewall, one rate limit, and a health check where the plan has one", async () => {
    expect(paid.all("Ruleset").map(({ inputs }) => inputs.phase)).toEqual([
      "http_request_firewall_custom",
      "http_ratelimit",
    ]);
    expect(paid.all("Healthcheck")).toHaveLength(1);
    const without = await runProgram({ config: { zone: ZONE } });
    expect(without.all("Healthcheck")).toEqual([]);
    expect(without.outputs.missing_alerts).toContain("health_check_status_notification");
  });
});
