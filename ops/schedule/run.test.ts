import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { CRONS, KV_NAMESPACES, SERVICE } from "../../infra/inventory.ts";
import { waitingKey } from "../../worker/ground/waiting.ts";
import { type Service, startService } from "../../worker/service.fixture.ts";
import { invocationOn } from "../command/invocation.fixture.ts";
import { runCommand } from "../command/run-cli.fixture.ts";
import { type Job, schedule } from "./job.ts";
import { Records } from "./records.ts";
import { carryOut, planByHand, planDue } from "./runner.ts";

const HOUR_MS = 3_600_000;
const SUNDAY_MS = Date.parse("2026-03-01T02:00:00Z");

let service: Service;
let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "prism-schedule-"));
  service = await startService({ data_dir: dir, faults: true });
});
afterAll(async () => {
  await service.close();
  await rm(dir, { recursive: true });
});

/** Jobs of quick commands; `broken` is a command that fails. */
const jobs = (...given: (Partial<Job> & { id: string })[]): Job[] =>
  schedule.parse(
    given.map((job) => ({
      summary: job.id,
      cron: "0 2 * * *",
      commands: [["oncall", "--json-schema"]],
      grace_s: 7_200,
      time_limit_s: 600,
      token: null,
      ...job,
    })),
  );
const BROKEN = [["schedule", "run", "no-such-job"]];
const notes: string[] = [];
const invocation = (data_dir = dir) => invocationOn(data_dir, { note: (text) => void notes.push(text) });
const runDue = async (given: readonly Job[], now_ms = SUNDAY_MS, data_dir = dir) =>
  carryOut(invocation(data_dir), await planDue(invocation(data_dir), given, now_ms));
const outcomes = (results: Awaited<ReturnType<typeof runDue>>) =>
  results.map(({ job, outcome }) => `${job} ${outcome}`);
const heard = async (name: string) =>
  (await service.call("GET", "/api/v1/heartbeats")).json.jobs.find(({ job }: { job: string }) => job === name);
const alert = async (id: string) =>
  (await service.call("GET", "/api/v1/alerts", undefined, { key: service.platform.api_secret })).json.alerts.find(
    (one: { id: string }) => one.id === id,
  );
const faults = () => {
  if (!service.platform.faults) throw new Error("the platform runs without the shim");
  return service.platform.faults;
};
async function cron(minutes: number): Promise<void> {
  faults().clock_offset_ms += minutes * 60_000;
  await service.platform.runtime.triggerSchedule(SERVICE, CRONS.worker.checks).catch(() => {});
}

test("what is due is run once, in order; what a failed job is needed for is held back, what only follows it is not", async () => {
  const given = jobs(
    { id: "report", after: ["broken", "first"] },
    { id: "broken", commands: BROKEN, needs: ["first"] },
    { id: "held", needs: ["broken"] },
    { id: "first" },
  );
  const results = await runDue(given);
  expect(outcomes(results)).toEqual(["first ok", "broken failed", "report ok", "held held back"]);
  expect(results[1]?.because).toBe("ops schedule run no-such-job ended with 2");
  const { folder } = results[1] ?? {};
  expect(readdirSync(folder ?? "").sort()).toEqual(["1.json", "1.log", "run.json"]);
  expect(readFileSync(join(folder ?? "", "1.log"), "utf8")).toContain("no job has this id");
  expect(await heard("first")).toMatchObject({
    result: "success",
    due_at: "2026-03-01T02:00:00.000Z",
    lease_until: null,
  });
  expect(await heard("broken")).toMatchObject({ result: "fail" });
  // Held back, it is due for longer than its grace some day; failed, it is not tried again.
  expect(outcomes(await runDue(given))).toEqual(["held held back"]);
});

test("what a job's commands have measured goes with the report of its end", async () => {
  const { runtime } = service.platform;
  const namespace = runtime.registry.list("kv").find(({ title }) => title === KV_NAMESPACES.config.name);
  const kv = await runtime.kv(namespace?.id ?? "");
  // What the service does not take can be looked at on its way.
  faults().rules = [{ binding: "ALERTS", error: "broken" }];
  expect(outcomes(await runDue(jobs({ id: "measured", commands: [["usage"]] })))).toEqual(["measured ok"]);
  const { keys } = await kv.list({ limit: 10, prefix: waitingKey("heartbeat") });
  const reports = (await kv.read(keys.map(({ name }) => name))).map((entry) =>
    JSON.parse(Buffer.from(entry?.value ?? []).toString()),
  );
  expect(reports.map(({ beat }) => [beat.result, beat.measures])).toEqual([
    ["start", {}],
    ["success", { cpu_exceeded: 0 }],
  ]);
  faults().rules = [];
  await cron(0);
  expect(await heard("measured")).toMatchObject({ result: "success" });
});

test("a failed job is an alert; one that is not heard of again is late after its grace, and then an alert", async () => {
  const [job] = jobs({ id: "dead-man" });
  await carryOut(invocation(), planByHand(invocation(), [job as Job]));
  await cron(5);
  expect(await alert("job-failed:broken")).toMatchObject({ state: "firing" });
  const { next_due_at } = await heard("dead-man");
  const until_ms = Date.parse(next_due_at) - Date.now();
  faults().clock_offset_ms = until_ms + 2 * HOUR_MS - 60_000;
  await cron(0);
  expect(await heard("dead-man")).toMatchObject({ late_s: 0 });
  expect(await alert("schedule-missed:dead-man")).toBeUndefined();
  await cron(5);
  expect((await heard("dead-man")).late_s).toBeGreaterThan(0);
  expect(await alert("schedule-missed:dead-man")).toMatchObject({ state: "firing", severity: "critical" });
  faults().clock_offset_ms = 0;
});

test("two runners at once do no job twice, on one machine and on two", async () => {
  const elsewhere = await mkdtemp(join(tmpdir(), "prism-runner-"));
  const given = jobs({ id: "one" }, { id: "two" }, { id: "three", needs: ["one", "two"] });
  const at_ms = SUNDAY_MS + 24 * HOUR_MS;
  const target = invocation().target;
  const other = invocationOn(elsewhere, { target });
  notes.length = 0;
  const plans = await Promise.all([invocation(), invocation(), other].map((one) => planDue(one, given, at_ms)));
  const ran = await Promise.all(
    [invocation(), invocation(), other].map((one, index) => carryOut(one, plans[index] as never)),
  );
  // A runner that the service does not answer runs alone, and says so.
  expect(notes.filter((note) => note.includes("The service"))).toEqual([]);
  const ok = ran.flat().filter(({ outcome }) => outcome === "ok");
  expect(ok.map(({ job }) => job).sort()).toEqual(expect.arrayContaining(["one", "two"]));
  expect(new Set(ok.map(({ job }) => job)).size).toBe(ok.length);
  expect(ran.flat().filter(({ outcome }) => !["ok", "elsewhere"].includes(outcome))).toEqual([]);
  // Whoever left it to another who left it, too, comes again.
  await runDue(given, at_ms);
  expect(await heard("three")).toMatchObject({ result: "success" });
  await rm(elsewhere, { recursive: true });
});

test("a killed run is gone on with under its name, and told where it must not be repeated; one that lives is left alone", async () => {
  const given = jobs({ id: "killed" }, { id: "once", repeatable: false }, { id: "alive" });
  const records = new Records(dir, "local");
  const started = (job: string, pid: number | null) => ({
    ...{ job, run_id: "20260301T020000000Z-killed", result: "start" as const, due_ms: SUNDAY_MS },
    ...{ started_ms: Date.now() - 1_000, ended_ms: null, pid, commands: [] },
  });
  records.write(started("killed", null));
  records.write(started("once", null));
  records.write(started("alive", process.pid));
  const results = await runDue(given);
  expect(outcomes(results)).toEqual(["once unfinished", "killed ok"]);
  expect(results[1]).toMatchObject({ resumed: true, due_at: "2026-03-01T02:00:00.000Z" });
  expect(await heard("killed")).toMatchObject({ result: "success", run_id: "20260301T020000000Z-killed" });
});

test("a run whose record the power took is as if it had not been; the other jobs are run", async () => {
  const given = jobs({ id: "powerless" }, { id: "beside" });
  const records = new Records(dir, "local");
  for (const [run_id, text] of [
    ["20260301T020000000Z-empty", ""],
    ["20260301T020000001Z-half", '{"job": "powerl'],
  ] as const) {
    mkdirSync(records.folderOf({ job: "powerless", run_id }), { recursive: true });
    writeFileSync(join(records.folderOf({ job: "powerless", run_id }), "run.json"), text);
  }
  expect(outcomes(await runDue(given))).toEqual(["powerless ok", "beside ok"]);
  expect(outcomes(await runDue(given))).toEqual([]);
});

test("while the service does not take heartbeats, jobs run, this machine remembers them, and the service hears of them later", async () => {
  const given = jobs({ id: "offline" });
  faults().rules = [{ binding: "ALERTS", error: "broken" }];
  notes.length = 0;
  expect(outcomes(await runDue(given))).toEqual(["offline ok"]);
  expect(notes.join("\n")).toContain("runners of other machines do not know of this run");
  expect(outcomes(await runDue(given))).toEqual([]);
  faults().rules = [];
  expect(await heard("offline")).toBeUndefined();
  await cron(0);
  expect(await heard("offline")).toMatchObject({ result: "success", due_at: "2026-03-01T02:00:00.000Z" });
  expect(readdirSync(join(dir, "heartbeat-waiting/local"))).toEqual([]);
});

test("a command that takes longer than its job may is ended, and the job has failed", async () => {
  faults().rules = [{ binding: "DB", delay_ms: 30_000 }];
  const [result] = await runDue(jobs({ id: "slow", commands: [["keys", "list"]], time_limit_s: 2 }));
  faults().rules = [];
  expect(result).toMatchObject({ outcome: "failed", because: "ops keys list ended with 1" });
  expect(JSON.parse(readFileSync(join(result?.folder ?? "", "1.json"), "utf8")).error.reason).toBe("timed-out");
});

test("the commands tell what is due, what would run and what ran, and refuse what they do not know", async () => {
  const cli = async (...args: string[]) => {
    const { code, stdout } = await runCommand([...args, "--json", "--data", dir]);
    return { code, ...JSON.parse(stdout) };
  };
  const now = ["--now", "2026-03-01T02:00:00Z"];
  const { due } = await cli("schedule", "due", ...now);
  expect(due[0]).toMatchObject({ job: "backup", due_at: "2026-03-01T02:00:00.000Z", state: "due" });
  const dry = await cli("schedule", "run", "vacuum", "backup", "--due", ...now, "--dry-run");
  expect(dry.jobs.map(({ job }: { job: string }) => job)).toEqual(["backup", "vacuum"]);
  const { jobs: listed } = await cli("schedule", "list", ...now);
  expect(listed.find(({ job }: { job: string }) => job === "weekly-report")).toMatchObject({
    state: "due",
    cron: "0 2 * * 0",
  });
  expect(await cli("schedule", "run")).toMatchObject({ code: 2, error: { cause: "none is named" } });
  expect(await cli("schedule", "run", "nothing")).toMatchObject({ code: 2, error: { cause: "no job has this id" } });
});
