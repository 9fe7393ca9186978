import { afterAll, beforeAll, expect, test } from "vitest";
import { type Service, startService } from "../security/callers.fixture.ts";

const PATH = "/api/v1/alerts/cloudflare";
/** As Cloudflare documents it, with a field that is not. */
const INCIDENT = {
  name: "prism incidents",
  text: "Workers: elevated errors",
  data: { impact: "major", nested: [{ id: 1 }] },
  ts: 1_795_000_000,
  policy_id: "0da2b59ef118439d8097bdfb215203c9",
  alert_type: "incident_alert",
  alert_event: "ALERT_STATE_EVENT_START",
  alert_correlation_id: "000eaa907ed24e78946d3a93adb2ae57",
  invented_tomorrow: true,
};

let service: Service;
let secret: string;
beforeAll(async () => {
  service = await startService();
  const bindings = service.platform.runtime.registry.list("version").at(-1)?.bindings ?? [];
  const binding = bindings.find(({ name }) => name === "ALERT_WEBHOOK_SECRET");
  secret = binding?.type === "secret_text" ? binding.text : "";
});
afterAll(() => service.close());

const notify = (body: unknown, headers: Record<string, string> = { "cf-webhook-auth": secret }, from = "127.0.0.1") =>
  service.call("POST", PATH, { body, headers: { "content-type": "application/json", ...headers }, from });
const notifications = () =>
  service.logs.map((line) => JSON.parse(line)).filter(({ message }) => message === "cloudflare notification");

test("a notification leaves one line that says what happened", async () => {
  const answer = await notify(INCIDENT);
  expect([answer.status, answer.text]).toEqual([204, ""]);
  await expect.poll(() => notifications().length).toBe(1);
  expect(notifications()[0]).toMatchObject({
    level: "WARN",
    request_id: answer.headers.get("x-request-id"),
    alert_type: "incident_alert",
    alert_event: "ALERT_STATE_EVENT_START",
    alert_correlation_id: INCIDENT.alert_correlation_id,
    name: "prism incidents",
    text: "Workers: elevated errors",
    sent_at_s: INCIDENT.ts,
  });
});

test.each([
  ["Cloudflare's test of the webhook", { text: "Hello World! This is a test message" }],
  ["fields of other types than documented", { text: 5, ts: "soon", alert_type: null, data: "x" }],
  ["nothing in particular", {}],
])("%s is not lost", async (_, body) => {
  const before = notifications().length;
  expect((await notify(body)).status).toBe(204);
  await expect.poll(() => notifications().length).toBe(before + 1);
});

test("long texts do not fill the log", async () => {
  await notify({ text: `${"x".repeat(10_000)}` });
  await expect.poll(() => Math.max(...notifications().map(({ text }) => String(text).length))).toBe(500);
});

test("only the webhook's secret opens the route: no key, no other header, no part of it", async () => {
  const { admin_key, api_secret } = service.platform;
  const bearer = (key: string) => ({ authorization: `Bearer ${key}` });
  const credentials: Record<string, string>[] = [
    {},
    bearer(admin_key),
    bearer(api_secret),
    bearer(secret),
    { "x-api-key": secret },
  ];
  const headers = [...credentials, ...["", "wrong", secret.slice(1), `${secret}x`, api_secret].map(asWebhook)];
  const before = notifications().length;
  for (const one of headers) {
    const { status, json, text } = await notify(INCIDENT, one, "127.0.0.2");
    expect([one, status, json.type]).toEqual([one, 401, "/docs#problem-not-authenticated"]);
    expect(text).not.toContain(secret);
  }
  expect(notifications().length).toBe(before);
});

test("guesses of one address are throttled, and Cloudflare is still heard", async () => {
  const statuses: number[] = [];
  while (statuses.length < 45 && statuses.at(-1) !== 429)
    statuses.push((await notify({}, asWebhook("guess"), "127.0.0.3")).status);
  expect(statuses.at(-1)).toBe(429);
  expect((await notify({}, asWebhook(secret), "127.0.0.3")).status).toBe(204);
});

test("a notification that is no JSON object, or larger than any, is refused", async () => {
  expect((await notify("{", asWebhook(secret))).status).toBe(400);
  expect((await notify([INCIDENT])).status).toBe(400);
  expect((await notify({ text: "x".repeat(70_000) })).status).toBe(413);
});

function asWebhook(text: string): Record<string, string> {
  return { "cf-webhook-auth": text };
}
