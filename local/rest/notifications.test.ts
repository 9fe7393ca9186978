import { afterAll, beforeAll, expect, test } from "vitest";
import { type RestUnderTest, startRest } from "./rest-server.fixture.ts";

let free: RestUnderTest;
let paid: RestUnderTest;
beforeAll(async () => {
  [free, paid] = await Promise.all([startRest(), startRest({ plan: "paid" })]);
});
afterAll(async () => {
  await Promise.all([free.close(), paid.close()]);
});

const DESTINATION = "r2://logs/workers/{DATE}?account-id=a&access-key-id=b&secret-access-key=c";

test("a plan without Logpush refuses a job and says which plan it needs", async () => {
  const job = { dataset: "workers_trace_events", destination_conf: DESTINATION };
  const { status, body } = await free.call("POST", "/logpush/jobs", job);
  expect(status).toBe(403);
  expect(body.errors[0]?.message).toMatch(/needs Workers Paid/);
});

test("a Logpush job is created, changed and deleted on the paid plan, into a bucket that exists", async () => {
  const { account_id, client } = paid;
  const job = { account_id, dataset: "workers_trace_events", destination_conf: DESTINATION } as const;
  await expect(client.logpush.jobs.create(job)).rejects.toThrow(/bucket logs, which does not exist/);
  await client.r2.buckets.create({ account_id, name: "logs" });
  const created = await client.logpush.jobs.create(job);
  const id = created?.id ?? 0;
  await client.logpush.jobs.update(id, { account_id, enabled: true });
  expect(await client.logpush.jobs.get(id, { account_id })).toMatchObject({ enabled: true, dataset: job.dataset });
  await client.logpush.jobs.delete(id, { account_id });
  await expect(client.logpush.jobs.get(id, { account_id })).rejects.toMatchObject({ status: 404 });
});

test("a policy takes only alerts that the account has, and keeps its webhook alive", async () => {
  const { account_id, client } = free;
  const alerts = await client.alerting.availableAlerts.list({ account_id });
  const types = Object.values(alerts)
    .flat()
    .map(({ type }) => type);
  expect(types).toContain("incident_alert");
  expect(types).not.toContain("failing_logpush_job_disabled_alert");

  const hook = await client.alerting.destinations.webhooks.create({
    account_id,
    name: "prism",
    url: "https://prism.invalid/alerts",
    secret: "hush",
  });
  const webhooks = [{ id: hook.id ?? "" }];
  const policy = {
    account_id,
    name: "p",
    alert_type: "incident_alert",
    enabled: true,
    mechanisms: { webhooks },
  } as const;
  const { id = "" } = await client.alerting.policies.create(policy);
  expect(await client.alerting.policies.get(id, { account_id })).toMatchObject({ mechanisms: { webhooks } });
  await expect(
    client.alerting.policies.create({ ...policy, alert_type: "failing_logpush_job_disabled_alert" }),
  ).rejects.toThrow(/not available to this account/);
  await expect(client.alerting.destinations.webhooks.delete(hook.id ?? "", { account_id })).rejects.toThrow(
    /still uses/,
  );
  const shown = await client.alerting.destinations.webhooks.get(hook.id ?? "", { account_id });
  expect(JSON.stringify(shown)).not.toContain("hush");
});
