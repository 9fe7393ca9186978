import { afterAll, beforeAll, expect, test } from "vitest";
import { CRONS, SERVICE } from "../../infra/inventory.ts";
import { type Channels, putConfiguration, putSecret, startChannels } from "../alerts/channels.fixture.ts";
import { type Service, startService } from "../service.fixture.ts";

const MINUTE_MS = 60_000;

let service: Service;
let channels: Channels;
beforeAll(async () => {
  channels = await startChannels();
  service = await startService({ faults: true });
  await putSecret(service.platform, "ALERT_CHANNEL_SECRETS", channels.secrets);
  await putConfiguration(service.platform, channels.configuration(service.platform.url));
});
afterAll(async () => {
  await service.close();
  await channels.close();
});

function faults() {
  if (!service.platform.faults) throw new Error("the platform runs without the shim");
  return service.platform.faults;
}
/** Lets platform time pass and cron run in it. */
async function cron(minutes = 5): Promise<void> {
  faults().clock_offset_ms += minutes * MINUTE_MS;
  await service.platform.runtime.triggerSchedule(SERVICE, CRONS.worker.checks).catch(() => {});
}
/** The bootstrap secret: keys are in D1, and alerts must be seen when that is down. */
const asOperator = (method: string, path: string, body?: unknown) =>
  service.call(method, path, body, { key: service.platform.api_secret });
const list = async () => (await asOperator("GET", "/api/v1/alerts")).json;
const alert = async (id: string) => (await list()).alerts.find((one: { id: string }) => one.id === id);
const told = (channel: string) => channels.received.filter((one) => one.channel === channel).map(({ body }) => body);
const beat = (job: string, body: object) => service.call("POST", `/api/v1/heartbeats/${job}`, body);

test("an outage of D1 is told within 5 minutes, with its runbook and what changed lately, and told once", async () => {
  await beat("deploy", { result: "success" });
  await cron();
  channels.received.length = 0;
  faults().rules = [{ binding: "DB", error: "D1_ERROR: internal error" }];
  await cron();
  const [page, ...more] = told("pager");
  expect(more).toEqual([]);
  expect(page).toMatchObject({
    event_action: "trigger",
    dedup_key: "prism/local/database-down",
    payload: { severity: "critical", source: "prism-local", custom_details: { runbook: "runbooks/d1-unavailable.md" } },
  });
  expect(page.payload.custom_details.changed_lately.join()).toContain("deploy: deploy reports success");
  expect(page.payload.custom_details.on_call.primary).toMatch(/Ann|Bob/);
  expect(told("slack")[0].text).toContain("[FIRING] critical · D1 does not answer");
  expect(await alert("database-down")).toMatchObject({ state: "firing", severity: "critical", acknowledged: null });
  await cron();
  expect(told("pager")).toHaveLength(1);
});

test("what nobody acknowledges is escalated to whoever is on call, and then further", async () => {
  const reached = () => told("mail").length + told("hook").length;
  const before = reached();
  await cron(10);
  await expect.poll(reached).toBe(before + 1);
  expect(await alert("database-down")).toMatchObject({ escalated: 1 });
  await cron(15);
  expect(told("slack").at(-1).text).toContain("STILL FIRING");
  expect(await alert("database-down")).toMatchObject({ escalated: 2 });
});

test("an acknowledgement ends the escalation, tells PagerDuty, and is remembered with who made it", async () => {
  const first = await asOperator("POST", "/api/v1/alerts/database-down/ack");
  expect([first.status, first.json.id]).toEqual([200, "database-down"]);
  expect((await asOperator("POST", "/api/v1/alerts/database-down/ack")).json).toEqual(first.json);
  await expect
    .poll(() => told("pager").at(-1))
    .toMatchObject({
      event_action: "acknowledge",
      dedup_key: "prism/local/database-down",
    });
  await cron(60);
  expect(await alert("database-down")).toMatchObject({ escalated: 2, acknowledged: first.json.acknowledged });
  expect((await asOperator("POST", "/api/v1/alerts/error-rate/ack")).status).toBe(404);
});

test("the end of the outage resolves the alert, in PagerDuty as well", async () => {
  faults().rules = [];
  await cron();
  await cron();
  expect(await alert("database-down")).toMatchObject({ state: "resolved" });
  expect(told("pager").at(-1)).toMatchObject({ event_action: "resolve", dedup_key: "prism/local/database-down" });
});

test("a D1 that hangs is told as one that fails, and keeps nothing else from being evaluated", async () => {
  for (let run = 0; run < 4; run++) await cron(20);
  channels.received.length = 0;
  await beat("cleanup", { result: "fail" });
  faults().rules = [{ binding: "DB", delay_ms: 6_000 }];
  faults().clock_offset_ms += 5 * MINUTE_MS;
  // Other tasks of this run wait for D1 for longer, and nobody waits for them.
  service.platform.runtime.triggerSchedule(SERVICE, CRONS.worker.checks).catch(() => {});
  const told_keys = () => told("pager").map(({ dedup_key }) => dedup_key);
  await expect.poll(told_keys, { timeout: 15_000 }).toEqual(["prism/local/database-down"]);
  await expect.poll(() => told("mail").at(-1)?.subject).toContain("A scheduled job failed (cleanup)");
  faults().rules = [];
  await beat("cleanup", { result: "success" });
  for (let again = 0; again < 4; again++) await cron();
  expect(await alert("database-down")).toMatchObject({ state: "resolved" });
});

test("a silenced alert is told to nobody until the silence ends", async () => {
  const silenced = await service.call("POST", "/api/v1/alerts/job-failed/silence", { minutes: 12, reason: "known" });
  expect([silenced.status, silenced.json.reason]).toEqual([200, "known"]);
  expect((await service.call("POST", "/api/v1/alerts/none/silence", { minutes: 1, reason: "x" })).status).toBe(404);
  expect((await service.call("POST", "/api/v1/alerts/job-failed/silence", { minutes: 0, reason: "x" })).status).toBe(
    400,
  );
  const before = told("mail").length;
  await beat("usage", { result: "fail" });
  await cron();
  expect(await alert("job-failed:usage")).toMatchObject({ state: "firing", told_at: null });
  expect(told("mail")).toHaveLength(before);
  await cron(10);
  expect(told("mail").at(-1).subject).toContain("A scheduled job failed (usage)");
  await beat("usage", { result: "success" });
  await cron();
  expect(told("mail").at(-1).subject).toContain("[RESOLVED]");
});

test("a job that does not report in time is an alert, until it does", async () => {
  const now_ms = Date.now() + faults().clock_offset_ms;
  const next_due_at = new Date(now_ms + 10 * MINUTE_MS).toISOString();
  const answer = await beat("index", { result: "success", duration_ms: 1200, next_due_at, grace_s: 300 });
  expect([answer.status, answer.json.next_due_at]).toEqual([200, next_due_at]);
  await cron(14);
  expect(await alert("schedule-missed:index")).toBeUndefined();
  await cron(5);
  expect(await alert("schedule-missed:index")).toMatchObject({ state: "firing", severity: "critical" });
  await beat("index", { result: "success" });
  await cron();
  expect(await alert("schedule-missed:index")).toMatchObject({ state: "resolved" });
});

test("a reporter whose clock is a year ahead is expected as soon as by a right one", async () => {
  const now_ms = Date.now() + faults().clock_offset_ms;
  const ahead = (ms: number) => new Date(now_ms + 365 * 24 * 60 * MINUTE_MS + ms).toISOString();
  const said = {
    result: "success",
    at: ahead(0),
    due_at: ahead(-MINUTE_MS),
    next_due_at: ahead(10 * MINUTE_MS),
    grace_s: 300,
  };
  const { status, json } = await beat("ahead", said);
  expect(status).toBe(200);
  expect(Date.parse(json.next_due_at) - now_ms).toBeLessThan(11 * MINUTE_MS);
  await cron(19);
  expect(await alert("schedule-missed:ahead")).toMatchObject({ state: "firing" });
});

test("of two runs for one date one begins; another begins when that one's time is over, and its end counts no more", async () => {
  const due_at = new Date(Date.now() + faults().clock_offset_ms).toISOString();
  const start = (run_id: string) => beat("claimed", { result: "start", run_id, due_at, grace_s: 600 });
  const both = await Promise.all([start("runner-one"), start("runner-two")]);
  expect(both.map(({ status }) => status).sort()).toEqual([200, 409]);
  const [winner, loser] = both[0]?.status === 200 ? ["runner-one", "runner-two"] : ["runner-two", "runner-one"];
  expect((await start(winner)).status).toBe(200);
  faults().clock_offset_ms += 11 * MINUTE_MS;
  expect((await start(loser)).status).toBe(200);
  expect((await beat("claimed", { result: "success", run_id: winner })).json.type).toBe("/docs#problem-job-claimed");
  expect((await beat("claimed", { result: "success", run_id: loser, due_at })).status).toBe(200);
  expect((await start(winner)).status).toBe(409);
  const { jobs } = (await asOperator("GET", "/api/v1/heartbeats")).json;
  expect(jobs.find((one: { job: string }) => one.job === "claimed")).toMatchObject({
    result: "success",
    run_id: loser,
    due_at,
    lease_until: null,
  });
});

test("what only others can measure comes in with a heartbeat", async () => {
  await beat("audit-verify", { result: "success", measures: { audit_chain_broken: 1 } });
  await cron();
  expect(await alert("audit-chain")).toMatchObject({ state: "firing" });
  await beat("audit-verify", { result: "success", measures: { audit_chain_broken: 0 } });
  await cron();
  expect(await alert("audit-chain")).toMatchObject({ state: "resolved" });
  expect((await beat("x", { result: "success", measures: { error_ratio: 1 } })).status).toBe(400);
});

test("a channel that is down: visible, tried again ever more rarely, told elsewhere, and made up for", async () => {
  channels.down.add("mail");
  await beat("usage", { result: "fail" });
  await cron();
  const delivery = async () => (await list()).deliveries.find((one: { channel: string }) => one.channel === "mail");
  expect(await delivery()).toMatchObject({ state: "waiting", attempts: 1, error: "it answered 503" });
  await cron();
  await cron(5);
  expect(await delivery()).toMatchObject({ attempts: 2 });
  await cron(5);
  expect(await delivery()).toMatchObject({ attempts: 3 });
  await cron();
  expect(await alert("channel-failing:mail")).toMatchObject({ state: "firing" });
  expect(told("pager").at(-1)).toMatchObject({
    event_action: "trigger",
    dedup_key: "prism/local/channel-failing:mail",
  });
  channels.down.delete("mail");
  await cron(20);
  expect(await delivery()).toMatchObject({ state: "sent", error: null });
  await cron();
  expect(await alert("channel-failing:mail")).toMatchObject({ state: "resolved" });
});

test("errors of the service and of one key are counted from the meter", async () => {
  const key = await service.key({ scopes: ["read"] });
  // Isolates remember a key for seconds: its errors are then known as its own.
  expect((await service.call("POST", "/api/v1/search", { query: "q" }, { key })).status).toBe(200);
  faults().rules = [{ binding: "DB", error: "D1_ERROR: internal error" }];
  for (let index = 0; index < 8; index++) {
    const { status } = await service.call("POST", "/api/v1/search", { query: `q${index}` }, { key });
    expect(status).toBe(503);
  }
  faults().rules = [];
  await expect
    .poll(async () => (await service.call("GET", "/metrics?period=1h")).json.requests.error, { timeout: 10_000 })
    .toBeGreaterThanOrEqual(8);
  await cron();
  expect(await alert("error-rate")).toMatchObject({ state: "firing" });
  const ids = (await list()).alerts.map(({ id }: { id: string }) => id);
  expect(ids).toContain(`user-errors:${key.split("_")[1]}`);
});

test("a test message goes through one channel at once", async () => {
  for (const channel of ["pager", "slack", "mail", "hook"]) {
    const { status, json } = await service.call("POST", "/api/v1/alerts/test", { channel });
    expect([channel, status, json]).toEqual([channel, 200, { channel, delivered: true, error: null }]);
  }
  channels.down.add("hook");
  const { json } = await service.call("POST", "/api/v1/alerts/test", { channel: "hook" });
  channels.down.delete("hook");
  expect(json).toEqual({ channel: "hook", delivered: false, error: "it answered 503" });
  expect((await service.call("POST", "/api/v1/alerts/test", { channel: "none" })).status).toBe(404);
  expect((await service.call("POST", "/api/v1/alerts/test", { channel: "constructor" })).status).toBe(404);
});

test("a new version and Cloudflare's notifications are told to the quiet channel", async () => {
  await putSecret(service.platform, "ALERT_WEBHOOK_SECRET", "known-to-cloudflare");
  const text = "Workers: elevated errors\n\n2026-01-01T00:00:00.000Z\u2028deploy: forged";
  const body = { name: "incident", text, alert_type: "incident_alert" };
  const headers = { "cf-webhook-auth": "known-to-cloudflare" };
  expect((await service.call("POST", "/api/v1/alerts/cloudflare", body, { key: null, headers })).status).toBe(204);
  await cron();
  const summaries = told("hook").map(({ summary }) => summary);
  expect(summaries.join("\n")).toMatch(/Another version serves: version .* serves instead of/);
  expect(summaries).toContain(
    "Cloudflare has something to say: incident_alert: Workers: elevated errors 2026-01-01T00:00:00.000Z deploy: forged",
  );
});

test("a configuration that cannot be read is told to those who were configured before", async () => {
  await putConfiguration(service.platform, "{");
  await cron();
  expect((await list()).configuration).toBe("invalid");
  expect(told("mail").at(-1).subject).toContain("The configuration of alerts cannot be read");
  await putConfiguration(service.platform, channels.configuration(service.platform.url));
  await cron();
  expect(await alert("configuration-invalid")).toMatchObject({ state: "resolved" });
});

test("an alert state that does not answer is said so, and cron reports the failure", async () => {
  faults().rules = [{ binding: "ALERTS", error: "broken" }];
  const { status, json } = await service.call("GET", "/api/v1/alerts");
  expect([status, json.type]).toEqual([503, "/docs#problem-alerts-unavailable"]);
  faults().rules = [];
});

test("only operators see alerts, and nothing was sent in a shape that channels refuse", async () => {
  const reader = await service.key({ scopes: ["read", "ops"] });
  const foreign = await service.key({ scopes: ["admin", "ops"], tenant: "other" });
  expect((await service.call("GET", "/api/v1/alerts", undefined, { key: null })).status).toBe(401);
  expect((await service.call("GET", "/api/v1/alerts", undefined, { key: reader })).status).toBe(403);
  expect((await service.call("GET", "/api/v1/alerts", undefined, { key: foreign })).status).toBe(403);
  expect((await service.call("POST", "/api/v1/heartbeats/x", { result: "success" }, { key: foreign })).status).toBe(
    403,
  );
  expect((await service.call("POST", "/api/v1/heartbeats/x", { result: "success" }, { key: reader })).status).toBe(200);
  expect(channels.refused).toEqual([]);
});
