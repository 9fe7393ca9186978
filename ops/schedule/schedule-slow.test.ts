/** The Sunday that is the first of a month, run for real: by a runner that is killed, by another beside it, and by one more afterwards. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { indexDemo } from "../../local/demo.ts";
import { type Platform, startPlatform } from "../../local/platform.ts";
import { runCli } from "../command/run-cli.fixture.ts";
import { dueRuns } from "./due-rule.ts";
import { JOBS } from "./jobs.ts";

const NOW = "2026-03-01T02:00:00Z";
const RUN = ["schedule", "run", "--due", "--now", NOW];
const DUE = dueRuns(JOBS, new Map(), Date.parse(NOW)).map(({ job }) => job.id);

let dir: string;
let platform: Platform;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "prism-sunday-"));
  platform = await startPlatform({ data_dir: dir });
  await indexDemo(platform, undefined);
});
afterAll(async () => {
  await platform.close();
  await rm(dir, { recursive: true });
});

const folder = (...path: string[]) => join(dir, "schedule/local", ...path);
const runsOf = (job: string) =>
  existsSync(folder(job))
    ? readdirSync(folder(job), { withFileTypes: true }).filter((entry) => entry.isDirectory())
    : [];
const recordOf = (job: string) => {
  const file = folder(job, runsOf(job).at(-1)?.name ?? "", "run.json");
  return existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : null;
};
const isAlive = (pid: number) => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};
const get = async (path: string) => {
  const headers = { authorization: `Bearer ${platform.api_secret}` };
  return (await fetch(`${platform.url}${path}`, { headers })).json() as Promise<Record<string, never[]>>;
};

test("the daily, weekly and monthly jobs run end to end in one go, each once, though one runner is killed and two go on at once", async () => {
  const killed: ChildProcess = spawn(process.execPath, [join(import.meta.dirname, "../cli.ts"), ...RUN, "--data", dir]);
  await expect.poll(() => recordOf("backup")?.pid ?? null, { timeout: 60_000, interval: 20 }).not.toBeNull();
  killed.kill("SIGKILL");
  await once(killed, "exit");
  const { pid, run_id, result } = recordOf("backup");
  expect(result).toBe("start");
  // What it had begun ends by itself, or not: then the next runner lets it be.
  await expect.poll(() => isAlive(pid), { timeout: 60_000, interval: 100 }).toBe(false);

  const runners = await Promise.all([1, 2].map(() => runCli([...RUN, "--json", "--data", dir])));
  const results = runners.flatMap(({ stdout }) => JSON.parse(stdout).jobs);
  const failed = results.filter(({ outcome }) => !["ok", "elsewhere"].includes(outcome));
  expect(failed.map(({ job, because }) => `${job}: ${because}`)).toEqual([]);
  expect(runners.map(({ code }) => code)).toEqual([0, 0]);
  expect(results.find(({ job, outcome }) => job === "backup" && outcome === "ok")).toMatchObject({ resumed: true });

  const last = await runCli([...RUN, "--data", dir]);
  expect([last.code, last.stdout]).toEqual([0, expect.stringMatching(/Nothing is due|Done: \d+ ok, 0 failed/)]);
  for (const job of DUE) expect([job, runsOf(job).length, recordOf(job).result]).toEqual([job, 1, "success"]);
  expect(runsOf("backup")[0]?.name).toBe(run_id);

  const { jobs } = await get("/api/v1/heartbeats");
  for (const job of DUE)
    expect(jobs?.find((one: { job: string }) => one.job === job)).toMatchObject({
      ...{ job, result: "success", due_at: "2026-03-01T02:00:00.000Z", late_s: 0 },
    });
  for (const report of ["weekly-report", "performance-review"]) {
    const files = readdirSync(folder(report, runsOf(report)[0]?.name ?? ""));
    expect(files.filter((name) => /\.(md|html)$/.test(name)).length).toBeGreaterThanOrEqual(2);
  }
  const { entries } = await get("/api/v1/audit-logs?limit=1000");
  const actions = (entries ?? []).map(({ action }: { action: string }) => action);
  for (const action of ["schedule run", "backup create", "index update", "cleanup", "vacuum", "drill", "backup verify"])
    expect(actions).toContain(action);
});
