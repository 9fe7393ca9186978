/** A stack of which no release has ever answered: its first one throws at every request. The engineer's way from the page to the post-mortem. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { CRONS, SERVICE, WATCHDOG } from "../../infra/inventory.ts";
import { type Platform, startPlatform } from "../../local/platform.ts";
import { localDriver } from "../../local/pulumi/local-driver.ts";
import { runCli } from "../command/run-cli.fixture.ts";
import { startWebhooks, type Webhooks } from "../gameday/webhooks.ts";
import { buildReleases } from "./bundles.fixture.ts";

vi.setConfig({ testTimeout: 300_000 });

let dir: string;
let platform: Platform;
let webhooks: Webhooks;
let releases: Awaited<ReturnType<typeof buildReleases>>;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "prism-dead-"));
  [platform, releases, webhooks] = await Promise.all([
    startPlatform({ data_dir: join(dir, "data"), account: "empty", api_budget: false }),
    buildReleases(dir),
    startWebhooks(Date.now),
  ]);
  const { signal } = new AbortController();
  await localDriver({ data_dir: join(dir, "data"), platform, signal }).setConfig({ watchdog: true });
});
afterAll(async () => {
  await webhooks?.close();
  await platform?.close();
  await rm(dir, { recursive: true });
});

const nowhere = { PRISM_CLOUDFLARE_STATUS_URL: "http://127.0.0.1:9" };
const said = (...words: string[]) => runCli([...words, "--data", join(dir, "data")], nowhere);
const ops = async (...words: string[]) => {
  const { code, stdout } = await said(...words, "--json");
  return { code, ...JSON.parse(stdout) };
};
const watch = () => platform.runtime.triggerSchedule(WATCHDOG.name, WATCHDOG.cron);
const pages = () =>
  webhooks.told.filter(({ channel }) => channel === "pager").map(({ kind, alert }) => `${kind} ${alert}`);

test("its first deployment says what does not work, and that it failed", async () => {
  const { code, stdout, stderr } = await said("deploy", "--bundle", releases.throwing, "--json");
  expect(stderr).toContain("Until a second release serves, the watchdog runs this one, too");
  const first = { code, ...JSON.parse(stdout) };
  expect(first).toMatchObject({ code: 1, outcome: "failed", traffic: null, journeys: { passed: 0 } });
  expect(first.reason).toContain("500");
});

test("who is told can be configured all the same, and the watchdog of the same release tells them", async () => {
  const file = join(dir, "alerts.json");
  await writeFile(file, JSON.stringify(webhooks.configuration(platform.url)));
  expect((await said("alerts", "configure", file)).code).toBe(0);
  await watch();
  expect(pages()).toEqual(["firing worker-dead"]);
});

test("status and health say that it does not answer, and of each other part what the account tells", async () => {
  const status = await ops("status");
  expect(status).toMatchObject({ code: 1, service: { known: false, why: expect.stringContaining("500") } });
  expect(status).toMatchObject({ version: { known: true }, generations: { known: true }, backup: { value: null } });
  const { code, parts } = await ops("health");
  expect(code).toBe(1);
  expect(
    Object.fromEntries(parts.map(({ part, state }: { part: string; state: string }) => [part, state])),
  ).toMatchObject({
    ...{ worker: "down", database: "up", vectorize: "up", kv: "up", queue: "up", crons: "up" },
  });
});

test("there is nothing to go back to, and to deploy the same once more does not pass for a remedy", async () => {
  const back = await said("rollback");
  expect(back.code).toBe(3);
  expect(back.stderr).toMatch(/the only release that has served[\s\S]*Try: .*ops -- deploy/);
  const again = await ops("deploy", "--bundle", releases.throwing);
  expect(again).toMatchObject({ code: 1, outcome: "unchanged", reason: expect.stringContaining("500") });
});

test("what it throws is in the log, which is Cloudflare's", async () => {
  await vi.waitFor(
    async () => {
      const { code, stdout } = await said("logs", "errors", "--since", "1h");
      expect([code, stdout]).toEqual([0, expect.stringContaining("bad release")]);
    },
    { timeout: 60_000, interval: 1_000 },
  );
});

test("the runbook deploys what is good, and the incident then holds what happened meanwhile", async () => {
  const opened = await ops("incident", "open", "--alert", "worker-dead", "--started", "10m");
  expect(opened).toMatchObject({ code: 0, where: "kv", incident: { severity: "SEV-1" }, runbook: "complete-outage" });
  const { ref } = opened.incident;
  const ran = await ops("runbook", "run", "worker-dead", "--auto", "--from", "look");
  const outcomes = ran.steps.map(({ name, outcome }: { name: string; outcome: string }) => `${name} ${outcome}`);
  expect(outcomes).toEqual([
    "look passed",
    "read-choice passed",
    "roll-back skipped",
    "deploy passed",
    "verify passed",
  ]);
  expect(ran).toMatchObject({ code: 0, outcome: "done" });

  await platform.runtime.triggerSchedule(SERVICE, CRONS.worker.checks);
  // Cron is once a minute: what a busy machine did not bring in time goes out with the next one.
  await vi.waitFor(
    async () => {
      await watch();
      await platform.runtime.triggerSchedule(SERVICE, CRONS.worker.checks);
      expect(pages()).toEqual(["firing worker-dead", "resolved worker-dead"]);
    },
    { timeout: 150_000, interval: 1_000 },
  );
  expect(await ops("incident", "list")).toMatchObject({ is_complete: true, incidents: [{ ref, where: "service" }] });
  // A busy machine answers slowly, which is an alert of its own.
  const resolved = await ops("incident", "resolve", ref, "--override", "it answers, if slowly");
  expect(resolved).toMatchObject({ code: 0, incident: { state: "resolved" } });
  expect(resolved.doubts.filter((doubt: string) => !/^alert (slo-)?latency/.test(doubt))).toEqual([]);
  const { markdown, mttd_s, mttr_s } = await ops("incident", "postmortem", ref);
  for (const told of [
    /deploy \| deployment: version \S+ gets 100 %/,
    /alert \| alert worker-dead fires/,
    /runbook \| complete-outage: deploy passed/,
    /deploy \| .*: deploy, done/,
    /alert \| alert worker-dead is resolved/,
  ])
    expect(markdown).toMatch(told);
  expect(mttr_s).toBeGreaterThan(mttd_s);
});
