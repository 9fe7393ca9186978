/** An incident from opening to post-mortem. */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { CRONS, SERVICE } from "../../infra/inventory.ts";
import { type Platform, startPlatform } from "../../local/platform.ts";
import { requestSeries } from "../../worker/schemas/dashboard.ts";
import { readAlerts } from "../alerts/answers.ts";
import type { Command } from "../command/define.ts";
import { invoked } from "../command/invoked.fixture.ts";
import { runCommand } from "../command/run-cli.fixture.ts";
import { createClient } from "../service/client.ts";
import { incidentOpen } from "./open.ts";
import { incidentResolve } from "./resolve.ts";
import { incidentUpdate } from "./update.ts";

let platform: Platform;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "prism-incident-"));
  platform = await startPlatform({ data_dir: folder, faults: true });
});
afterAll(async () => {
  await platform.close();
  await rm(folder, { recursive: true });
});

const { signal } = new AbortController();
const ops = (command: Command, given: Record<string, unknown> = {}) =>
  invoked(command, folder, given, {
    client: async () => createClient({ url: platform.url, token: platform.api_secret, signal }),
  });
const WAIT = { timeout: 60_000, interval: 200 };
const cron = () => platform.runtime.triggerSchedule(SERVICE, CRONS.worker.checks);

test("an incident goes from its opening to its post-mortem, by commands as they are typed", async () => {
  const typed = async (...args: string[]) => {
    const run = await runCommand(["incident", ...args, "--data", folder, "--json"]);
    return { code: run.code, ...JSON.parse(run.stdout) };
  };
  await cron();
  const opened = await typed(
    "open",
    "Search is slow",
    "--severity",
    "SEV-3",
    "--services",
    "vectorize,api",
    "--started",
    "10m",
  );
  expect(opened).toMatchObject({ code: 0, where: "service", incident: { id: 1, components: ["api", "vectorize"] } });
  expect(Date.parse(opened.respond_by) - Date.parse(opened.incident.timeline[0].at)).toBe(4 * 3_600_000);
  const action = ["--action", "Alert on orphans", "--owner", "ann", "--due", "2026-01-01"];
  const updated = await typed("update", "1", "--text", "It is the index.", "--state", "identified", ...action);
  expect(updated.incident).toMatchObject({ state: "identified", action_items: [{ id: 1, owner: "ann" }] });
  // A name is one segment of a path, whatever it holds: this would be a key's.
  const elsewhere = await typed("update", "../keys/000000000000", "--text", "x");
  expect(elsewhere).toMatchObject({ code: 1, error: { subject: "/api/v1/incidents/..%2Fkeys%2F000000000000" } });
  const resolved = await typed("resolve", "1", "--text", "It is as fast as before.");
  expect(resolved).toMatchObject({ code: 0, doubts: [], incident: { state: "resolved" } });
  expect(await typed("list")).toMatchObject({ incidents: [], action_items: [{ incident: "1", is_late: true }] });
  const draft = await typed("postmortem", "1");
  const file = join(folder, "draft.md");
  const written = await typed("postmortem", "1", "--out", file);
  expect(await readFile(file, "utf8")).toBe(written.markdown);
  const again = await typed("postmortem", "1", "--out", file);
  expect([again.code, again.error.cause]).toEqual([3, "the file is there already"]);
  expect(draft.mttd_s).toBeGreaterThanOrEqual(600);
  expect(draft.mttr_s).toBeGreaterThan(draft.mttd_s);
  expect(draft.impact).toMatchObject({ failed: 0, requests: expect.any(Number) });
  for (const told of ["It is the index.", "Alert on orphans | ann", "requests failed"])
    expect(draft.markdown).toContain(told);
});

test("an incident is not over while its alerts fire, but for a reason, which is kept", async () => {
  const headers = { authorization: `Bearer ${platform.api_secret}`, "content-type": "application/json" };
  const beat = (result: string) =>
    fetch(`${platform.url}/api/v1/heartbeats/drill`, { method: "POST", headers, body: JSON.stringify({ result }) });
  await beat("fail");
  await cron();
  const { data: opened } = await ops(incidentOpen, { alert: "drill-failed" });
  expect(opened).toMatchObject({ runbook: expect.any(String), incident: { severity: expect.any(String) } });
  const id = String(opened.incident.id);
  await expect(ops(incidentResolve, { id })).rejects.toMatchObject({
    exit_code: 3,
    parts: { cause: expect.stringContaining("drill-failed fires") },
  });
  const { data } = await ops(incidentResolve, { id, override: "the drill is taken out" });
  const told = data.incident.timeline.map(
    ({ source, is_public, text }: { source: string; is_public: boolean; text: string }) =>
      `${source} ${is_public}: ${text}`,
  );
  expect(told).toEqual(
    expect.arrayContaining([
      expect.stringMatching(/^alert false: alert drill-failed fires: /),
      expect.stringMatching(/^operator false: resolved although .*: the drill is taken out$/),
    ]),
  );
  // Again: nothing is told twice.
  expect((await ops(incidentUpdate, { id })).data.added).toBe(0);
  await beat("success");
});

test("a service that does not answer for a moment only has taken what was told meanwhile", async () => {
  let asked = 0;
  const { url, api_secret: token } = platform;
  const client = async () => createClient({ url: asked++ === 0 ? "http://127.0.0.1:9" : url, token, signal });
  const { data } = await invoked(incidentOpen, folder, { title: "It blinked", severity: "SEV-4" }, { client });
  expect(data).toMatchObject({ where: "service", incident: { id: expect.any(Number), title: "It blinked" } });
});

test("an incident of an alert began when its callers met it, and not when the alert was told", async () => {
  const headers = { authorization: `Bearer ${platform.api_secret}` };
  const ask = async (path: string) => (await fetch(`${platform.url}${path}`, { headers })).json();
  const { faults } = platform;
  if (faults === null) throw new Error("this platform was started without faults");
  faults.rules = [{ binding: "DB", error: "D1_ERROR: internal error" }];
  await vi.waitFor(async () => {
    await ask("/api/v1/documents");
    const { steps } = requestSeries.parse(await ask("/dashboard/series?period=1h"));
    expect(steps.at(-1)?.errors).toBeGreaterThan(0);
    // What was found to be well is believed for a while.
    expect(await ask("/health")).toMatchObject({ services: { database: { status: "unhealthy" } } });
  }, WAIT);
  await cron();
  const { incident } = (await ops(incidentOpen, { alert: "database-down" })).data;
  faults.rules = [];
  const { alerts } = await readAlerts(createClient({ url: platform.url, token: platform.api_secret, signal }));
  const since = alerts.find(({ id }) => id === "database-down")?.since ?? "";
  expect(Date.parse(incident.started_at)).toBeLessThan(Date.parse(since));
  expect(incident.timeline[0].at > incident.started_at).toBe(true);
});
