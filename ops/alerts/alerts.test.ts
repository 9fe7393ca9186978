import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { CRONS, SERVICE } from "../../infra/inventory.ts";
import { type Platform, startPlatform } from "../../local/platform.ts";
import { type Channels, putSecret, startChannels } from "../../worker/alerts/channels.fixture.ts";
import { runCommand } from "../command/run-cli.fixture.ts";
import { JOBS } from "../schedule/jobs.ts";

interface Heard {
  job: string;
}

let dir: string;
let platform: Platform;
let channels: Channels;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "alerts-"));
  channels = await startChannels();
  platform = await startPlatform({ data_dir: dir });
  await putSecret(platform, "ALERT_CHANNEL_SECRETS", channels.secrets);
});
afterAll(async () => {
  await platform.close();
  await channels.close();
  await rm(dir, { recursive: true });
});

const ops = (...args: string[]) => runCommand([...args, "--data", dir]);
const json = async (...args: string[]) => {
  const { code, stdout, stderr } = await ops(...args, "--json");
  return { code, stderr, ...JSON.parse(stdout) };
};
const cron = () => platform.runtime.triggerSchedule(SERVICE, CRONS.worker.checks);

test("a configuration is checked before it is put in place, and then used", async () => {
  const file = join(dir, "alerts.yaml");
  const configuration = channels.configuration(platform.url);
  await writeFile(file, JSON.stringify({ ...configuration, routes: { ...configuration.routes, page: ["nobody"] } }));
  const refused = await ops("alerts", "configure", file);
  expect([refused.code, refused.stderr]).toEqual([
    1,
    expect.stringContaining("routes.page: there is no channel nobody"),
  ]);
  // It says nothing of jobs: those of the schedule must report.
  await writeFile(file, JSON.stringify({ ...configuration, expected_jobs: undefined }));
  const expected_jobs = JOBS.map(({ id }) => id);
  expect(await json("alerts", "configure", file, "--dry-run")).toMatchObject({
    ...{ dry_run: true, rotations: ["primary"], expected_jobs },
  });
  expect((await ops("oncall")).stderr).toContain("there is none yet");
  expect((await ops("alerts", "configure", file)).stdout).toContain("Configured channels pager, slack, mail, hook");
  expect(await json("alerts", "test-channel", "slack")).toMatchObject({ code: 0, delivered: true });
  expect(channels.received.at(-1)?.body.text).toContain("[TEST]");
  channels.down.add("slack");
  expect(await json("alerts", "test-channel", "slack")).toMatchObject({ code: 1, error: "it answered 503" });
  channels.down.clear();
});

test("an alert is listed until somebody takes it, shown with its condition, acknowledged and silenced", async () => {
  const body = JSON.stringify({ result: "fail" });
  const headers = { authorization: `Bearer ${platform.admin_key}`, "content-type": "application/json" };
  await fetch(`${platform.url}/api/v1/heartbeats/drill`, { method: "POST", headers, body });
  await cron();
  const listed = await json("alerts", "list");
  expect(listed.code).toBe(1);
  const awaited = listed.jobs.filter(({ result }: { result: string }) => result === "awaited");
  expect(awaited).toHaveLength(JOBS.length - 1);
  const next_h = (id: string) =>
    (Date.parse(awaited.find(({ job }: Heard) => job === id).next_due_at) - Date.now()) / 3_600_000;
  expect(["backup", "cleanup", "monthly-report", "yearly-review"].map((id) => Math.ceil(next_h(id)))).toEqual([
    24,
    7 * 24,
    31 * 24,
    366 * 24,
  ]);
  expect(listed.alerts.map(({ id }: { id: string }) => id).sort()).toEqual(["drill-failed", "job-failed:drill"]);
  const shown = await ops("alerts", "show", "drill-failed");
  expect(shown.stdout).toContain("Fires when job_failed of job drill > 0");
  expect(await json("alerts", "show", "drill-failed")).toMatchObject({ alerts: [{ state: "firing" }] });
  expect((await ops("alerts", "show", "nothing")).stderr).toContain("there is no rule of this name");

  // A dry run refuses what the service would.
  for (const id of ["drill-faild", "error-rate"])
    expect(await json("alerts", "ack", id, "--dry-run")).toMatchObject({ code: 1, error: { subject: `alert ${id}` } });
  expect(await json("alerts", "ack", "drill-failed", "--dry-run")).toMatchObject({ code: 0, dry_run: true });
  const silence = (id: string) => json("alerts", "silence", id, "--reason", "known", "--dry-run");
  expect(await silence("job-faild")).toMatchObject({ code: 1, error: { subject: "alert job-faild" } });
  for (const id of ["job-failed", "job-failed:drill"])
    expect(await silence(id)).toMatchObject({ code: 0, dry_run: true });

  expect(await json("alerts", "ack", "drill-failed")).toMatchObject({ code: 0, id: "drill-failed" });
  expect(await json("alerts", "silence", "job-failed", "--for", "30m", "--reason", "known")).toMatchObject({
    code: 0,
    id: "job-failed",
    reason: "known",
  });
  const taken = await ops("alerts", "list");
  expect([taken.code, taken.stdout]).toEqual([0, expect.stringContaining("runbook")]);
});

test("who is on call is told, and comes as a calendar that stays the same while the rota does", async () => {
  const found = await json("oncall", "--days", "30", "--ical");
  expect(found.now).toMatchObject([{ rotation: "primary", name: expect.stringMatching(/Ann|Bob/) }]);
  expect(found.shifts.length).toBeGreaterThanOrEqual(5);
  const events = found.ical.split("BEGIN:VEVENT").length - 1;
  expect(events).toBe(found.shifts.length);
  expect(found.ical).toMatch(/^BEGIN:VCALENDAR\r\n/);
  expect(found.ical).toContain("SUMMARY:On call (primary): Ann");
  const again = await ops("oncall", "--days", "30", "--ical");
  expect(again.stdout.trim()).toBe(found.ical.trim());
  // Numbers are decimal digits, and a calendar has an end.
  for (const days of ["1000000000", "0x10", "1e2", "", "٣"]) expect((await ops("oncall", "--days", days)).code).toBe(2);
});

test("the built-in tests of the rules pass, and tests of one's own say what is not as they expect", async () => {
  expect(await json("alerts", "test")).toMatchObject({ code: 0, passed: true });
  const file = join(dir, "own.yaml");
  const own = (firing: string) =>
    `- name: mine\n  rules: [error-rate]\n  series:\n    "error_ratio[5]": 0.5x2\n    "failed_requests[5]": 9x2\n  firing:\n    5: [${firing}]\n`;
  await writeFile(file, own("error-rate"));
  expect((await ops("alerts", "test", file)).code).toBe(0);
  await writeFile(file, own(""));
  const failed = await ops("alerts", "test", file);
  expect([failed.code, failed.stdout]).toEqual([1, expect.stringContaining("at 5 min: expected none, got error-rate")]);
  await writeFile(file, "- name: nothing else");
  expect(await ops("alerts", "test", file)).toMatchObject({ code: 2, stderr: expect.stringContaining("rules") });
});

test("the rules are rendered for Prometheus and Grafana", async () => {
  expect((await json("alerts", "render", "prometheus")).rendered).toContain("alert: error-rate");
  expect(JSON.parse((await ops("alerts", "render", "grafana")).stdout).title).toBe("PRISM");
});

test("before the first shift nobody is on call, and it is told from when somebody is", async () => {
  const file = join(dir, "later.yaml");
  const configuration = channels.configuration(platform.url);
  const rotations = Object.fromEntries(
    Object.entries(configuration.rotations).map(([name, rota]) => [
      name,
      { ...rota, start: "2999-01-01T08:00:00Z", overrides: [] },
    ]),
  );
  await writeFile(file, JSON.stringify({ ...configuration, rotations }));
  expect((await ops("alerts", "configure", file)).code).toBe(0);
  expect((await ops("oncall")).stdout).toContain("the first one begins at 2999-01-01T08:00:00.000Z");
});
