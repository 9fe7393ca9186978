/** Incidents and runbooks while the database, the Worker, or everything is down; a run of a runbook that is killed. */
import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { CRONS, SERVICE } from "../../infra/inventory.ts";
import { type Platform, startPlatform } from "../../local/platform.ts";
import type { Command } from "../command/define.ts";
import { invoked } from "../command/invoked.fixture.ts";
import { runCli } from "../command/run-cli.fixture.ts";
import { createClient } from "../service/client.ts";
import { incidentList } from "./list.ts";
import { incidentOpen } from "./open.ts";
import { incidentPostmortem } from "./postmortem.ts";
import { incidentResolve } from "./resolve.ts";
import { incidentUpdate } from "./update.ts";

let platform: Platform;
/** The data folder of the platform; of a machine whose Worker is dead; of one that reaches nothing. */
const folders = { well: "", dead: "", alone: "" };
beforeAll(async () => {
  for (const name of ["well", "dead", "alone"] as const)
    folders[name] = await mkdtemp(join(tmpdir(), `prism-incident-${name}-`));
  platform = await startPlatform({ data_dir: folders.well, faults: true });
  const file = JSON.parse(await readFile(join(folders.well, "platform.json"), "utf8"));
  await writeFile(join(folders.dead, "platform.json"), JSON.stringify({ ...file, url: "http://127.0.0.1:9" }));
});
afterAll(async () => {
  await platform.close();
  for (const folder of Object.values(folders)) await rm(folder, { recursive: true });
});

const { signal } = new AbortController();
const notes: string[] = [];
/** In this process, from one of the machines. */
const on =
  (where: keyof typeof folders) =>
  (command: Command, given: Record<string, unknown> = {}) => {
    const { url, api_secret: token } = platform;
    return invoked(command, folders[where], given, {
      client: async () =>
        createClient({ url: where === "well" ? url : "http://127.0.0.1:9", token, signal, timeout_ms: 5_000 }),
      note: (text) => void notes.push(text),
    });
  };
const cron = () => platform.runtime.triggerSchedule(SERVICE, CRONS.worker.checks);
const FACTS = { title: "Search was gone", severity: "SEV-2", text: "We see it." };

test("with the database down an incident is opened, told and listed as ever", async () => {
  platform.faults?.rules.push({ binding: "DB", error: "D1_ERROR: down" });
  const { data } = await on("well")(incidentOpen, FACTS);
  expect(data).toMatchObject({ where: "service", incident: { id: 1 } });
  expect((await on("well")(incidentUpdate, { id: "1", text: "A disk." })).data).toMatchObject({ where: "service" });
  expect(notes.join("\n")).toContain("The timeline lacks the audit log");
  expect((await on("well")(incidentList)).data.incidents).toMatchObject([{ id: 1 }]);
  platform.faults?.rules.splice(0);
});

test("with the Worker dead it is left in the account, seen from there, and the service's when it lives again", async () => {
  const dead = on("dead");
  const { data, text } = await dead(incidentOpen, { ...FACTS, title: "All was dark" });
  expect(data).toMatchObject({ where: "kv", incident: { id: null, ref: expect.stringMatching(/^r-/) } });
  expect(text).toContain("The service does not answer");
  const id: string = data.incident.ref;
  expect((await dead(incidentUpdate, { id, text: "A deployment.", state: "identified" })).data).toMatchObject({
    where: "kv",
    incident: { state: "identified" },
  });
  expect((await dead(incidentList)).data).toMatchObject({
    is_complete: false,
    incidents: [{ ref: id, state: "identified" }],
  });
  await expect(dead(incidentResolve, { id })).rejects.toMatchObject({ exit_code: 3 });
  // The next command that reaches the service brings it there.
  const { data: listed } = await on("well")(incidentList);
  expect(listed).toMatchObject({ is_complete: true, incidents: [{ id: 2, ref: id, state: "identified" }, { id: 1 }] });
  expect((await dead(incidentList)).data.incidents).toEqual([]);
});

test("or cron does", async () => {
  const { data } = await on("dead")(incidentOpen, { ...FACTS, title: "Dark again" });
  const id: string = data.incident.ref;
  await on("dead")(incidentResolve, { id, override: "it is back", text: "It is back." });
  await cron();
  const { data: told } = await on("well")(incidentPostmortem, { id });
  expect(told.incident).toMatchObject({ id: 3, state: "resolved", opened_by: "operator" });
  expect(told.markdown).toContain("resolved although the service does not answer");
});

test("of an alert that a dead Worker cannot tell, the rule is known: what it says, how bad it is, and its runbook", async () => {
  const { data, text } = await on("dead")(incidentOpen, { alert: "worker-dead", started: "10m" });
  const incident = { title: "The Worker gives no answer", severity: "SEV-1", ref: expect.stringMatching(/^r-/) };
  expect(data).toMatchObject({ where: "kv", runbook: "complete-outage", incident });
  expect(text).toContain("npm run ops -- runbook run complete-outage");
  await expect(on("dead")(incidentOpen, { alert: "no-such" })).rejects.toMatchObject({
    parts: { cause: expect.stringContaining("no rule of this name") },
  });
  await cron();
});

test("with nothing to reach it waits on this machine, and the next command that does brings it", async () => {
  const alone = on("alone");
  const { data } = await alone(incidentOpen, { ...FACTS, title: "Nothing answered" });
  expect(data).toMatchObject({ where: "machine", incident: { id: null } });
  expect((await alone(incidentList)).data.incidents).toMatchObject([{ title: "Nothing answered", where: "machine" }]);
  await writeFile(join(folders.alone, "platform.json"), await readFile(join(folders.well, "platform.json"), "utf8"));
  const { data: listed } = await invoked(
    incidentList,
    folders.alone,
    {},
    { client: async () => createClient({ url: platform.url, token: platform.api_secret, signal }) },
  );
  expect(listed.incidents[0]).toMatchObject({ title: "Nothing answered", id: 5, ref: data.incident.ref });
});

test("of a stack whose account does not answer it waits on this machine, apart from what waits of another stack", async () => {
  const nowhere = "http://127.0.0.1:9";
  const account = { CLOUDFLARE_API_TOKEN: "t", CLOUDFLARE_ACCOUNT_ID: "a".repeat(32), CLOUDFLARE_BASE_URL: nowhere };
  const production = (command: Command, given: Record<string, unknown> = {}) =>
    invoked(command, folders.well, given, {
      stack: "production",
      env: { ...account, PRISM_URL: nowhere, PRISM_API_SECRET: "secret" },
      client: async () => createClient({ url: nowhere, token: "secret", signal }),
    });
  const title = "Production is gone";
  const { data } = await production(incidentOpen, { ...FACTS, title });
  expect(data).toMatchObject({ where: "machine", incident: { title } });
  expect((await production(incidentList)).data.incidents).toMatchObject([{ title, where: "machine" }]);
  expect((await on("well")(incidentList)).data.incidents).not.toContainEqual(expect.objectContaining({ title }));
});

test("a run of a runbook as a process: done, killed in the middle, gone on with", async () => {
  const words = ["runbook", "run", "search-wrong", "--auto", "--json", "--data", folders.well];
  const done = await runCli(words);
  const ran = JSON.parse(done.stdout);
  expect([done.code, ran.outcome]).toEqual([0, "done"]);
  const audited = await fetch(`${platform.url}/api/v1/audit-logs?limit=50`, {
    headers: { authorization: `Bearer ${platform.api_secret}` },
  });
  expect(await audited.text()).toContain(ran.transcript_hash);

  const child = spawn(process.execPath, [join(import.meta.dirname, "../cli.ts"), ...words], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  for await (const text of child.stderr) if (String(text).includes("plan-update")) break;
  child.kill("SIGKILL");
  const resumed = JSON.parse((await runCli([...words, "--resume"])).stdout);
  expect(resumed).toMatchObject({ outcome: "done" });
  expect(resumed.run_id).not.toBe(ran.run_id);
  const shown = await runCli(["runbook", "show-run", resumed.run_id, "--json", "--data", folders.well]);
  expect(JSON.parse(shown.stdout).run).toMatchObject({ is_whole: true, head: resumed.transcript_hash });
});

test("with the Worker dead and no room on this machine it is left in the account as well", async () => {
  await rm(join(folders.dead, "incident-waiting"), { recursive: true, force: true });
  await writeFile(join(folders.dead, "incident-waiting"), "");
  const { data } = await on("dead")(incidentOpen, { ...FACTS, title: "No room, either" });
  expect(data.where).toBe("kv");
  await rm(join(folders.dead, "incident-waiting"));
  const { data: listed } = await on("well")(incidentList);
  expect(listed.incidents.map(({ title }: { title: string }) => title)).toContain("No room, either");
});
