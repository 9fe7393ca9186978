import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { CRONS, SERVICE } from "../../infra/inventory.ts";
import { AUDIT_ANCHOR_AFTER_MS } from "../../worker/limits.ts";
import { type Service, startService } from "../../worker/service.fixture.ts";
import { reportAction } from "../command/audit-trail.ts";
import type { JournalEntry } from "../command/journal.ts";
import { runCommand } from "../command/run-cli.fixture.ts";

let dir: string;
let service: Service;
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "prism-trail-"));
  service = await startService({ data_dir: dir, faults: true });
});
afterAll(async () => {
  await service.close();
  rmSync(dir, { recursive: true });
});

const notes: string[] = [];
const act = (action: string, detail: JournalEntry["detail"] = {}, data_dir = dir, at_ms = 1_000) =>
  reportAction(
    { stack: "local", data_dir, env: {}, note: (text) => notes.push(text) },
    { stack: "local", action, outcome: "done", detail },
    at_ms,
  );
const entries = async (action: string) =>
  (await service.call("GET", `/api/v1/audit-logs?actionType=${encodeURIComponent(action)}`)).json.entries;
const waiting = (data_dir = dir) => readdirSync(join(data_dir, "audit-waiting/local"));

test("what a command did is in the stack's audit log when it has ended", async () => {
  await act("drill own", { count: 2 });
  expect(await entries("drill own")).toMatchObject([
    { source: "ops", outcome: "done", at: "1970-01-01T00:00:01.000Z", detail: { count: 2 } },
  ]);
  expect(waiting()).toEqual([]);
});

test("a long detail is told by its hash", async () => {
  await act("long detail", { text: "x".repeat(20_000) });
  expect((await entries("long detail"))[0].detail).toEqual({ detail_bytes: 20_011, detail_sha256: expect.any(String) });
});

test("a security audit looks at everything of the live stack, and finds a token that may do more than its job", async () => {
  const audit = async () => {
    const { code, stdout, stderr } = await runCommand(["audit", "security", "--data", dir, "--json"]);
    return { code, stderr, ...JSON.parse(stdout) };
  };
  const before = await audit();
  expect(before).toMatchObject({ code: 0, ok: true, counts: { high: 0 }, unseen: [] });
  // The platform's first key may administrate and has no end.
  expect(before.findings).toMatchObject([
    { severity: "medium", area: "keys", evidence: expect.stringContaining("never expires") },
  ]);

  const { api_url, account_id, api_token } = service.platform;
  const api = async (method: string, path: string, body?: unknown) => {
    const headers = { authorization: `Bearer ${api_token}`, "content-type": "application/json" };
    const made = await fetch(`${api_url}/accounts/${account_id}${path}`, {
      method,
      headers,
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    return (await made.json()).result;
  };
  const [group] = await api("GET", `/tokens/permission_groups?name=${encodeURIComponent("Account API Tokens Write")}`);
  const policy = {
    effect: "allow",
    permission_groups: [{ id: group.id }],
    resources: { [`com.cloudflare.api.account.${account_id}`]: "*" },
  };
  const { id } = await api("POST", "/tokens", { name: "prism reports", policies: [policy] });
  const { code, findings } = await audit();
  expect(code).toBe(1);
  expect(findings[0]).toMatchObject({
    severity: "high",
    area: "tokens",
    evidence: "may do more than declared: Account API Tokens Write",
  });
  await api("DELETE", `/tokens/${id}`);
});

test("while the service does not take it, it waits in KV, and cron completes the log once", async () => {
  const faults = service.platform.faults;
  if (!faults) throw new Error("the platform runs without the shim");
  faults.rules = [{ binding: "DB", error: "D1_ERROR: Network connection lost." }];
  await act("while down");
  faults.rules = [];
  expect(waiting()).toEqual([]);
  expect(await entries("while down")).toEqual([]);
  await service.platform.runtime.triggerSchedule(SERVICE, CRONS.worker.checks);
  await service.platform.runtime.triggerSchedule(SERVICE, CRONS.worker.checks);
  expect(await entries("while down")).toMatchObject([{ source: "ops", key_id: "operator" }]);
});

test("while there is no stack it waits here, and the next command brings it in its order", async () => {
  const elsewhere = mkdtempSync(join(tmpdir(), "prism-trail-"));
  await act("earlier", {}, elsewhere, 1);
  expect(waiting(elsewhere)).toHaveLength(1);
  mkdirSync(join(dir, "audit-waiting/local"), { recursive: true });
  for (const name of waiting(elsewhere))
    renameSync(join(elsewhere, "audit-waiting/local", name), join(dir, "audit-waiting/local", name));
  await act("later", {}, dir, 2);
  const [earlier, later] = [await entries("earlier"), await entries("later")];
  expect(earlier[0].seq).toBe(later[0].seq - 1);
  expect(notes).toEqual([]);
  rmSync(elsewhere, { recursive: true });
});

test("what was being written when the power went keeps no other record back, is told once and kept", async () => {
  const folder = join(dir, "audit-waiting/local");
  writeFileSync(join(folder, "000000000000000-empty.json"), "");
  writeFileSync(join(folder, "000000000000000-half.json"), '{"id":"a3f1');
  notes.length = 0;
  await act("behind it");
  await act("after that");
  expect((await entries("behind it")).length + (await entries("after that")).length).toBe(2);
  expect(notes).toHaveLength(2);
  expect(notes.join("\n")).toContain("000000000000000-half.json is no whole report");
  expect(waiting()).toEqual(["000000000000000-empty.json.damaged", "000000000000000-half.json.damaged"]);
  for (const name of waiting()) rmSync(join(folder, name));
  notes.length = 0;
});

test("where this machine can keep nothing, it is in the log all the same; what cannot be brought either is told as lost", async () => {
  const full = mkdtempSync(join(tmpdir(), "prism-full-"));
  // Root may write anywhere, but not into a file as if it were a folder.
  writeFileSync(join(full, "audit-waiting"), "");
  await act("nowhere", {}, full);
  expect(notes.splice(0)).toEqual([expect.stringContaining("the stack's audit log lacks this action")]);
  copyFileSync(join(dir, "platform.json"), join(full, "platform.json"));
  await act("from a full disk", {}, full);
  expect(await entries("from a full disk")).toHaveLength(1);
  expect(notes).toEqual([]);
  rmSync(full, { recursive: true });
});

const cli = async (...args: string[]) => {
  const { code, stdout } = await runCommand([...args, "--json", "--data", dir]);
  return { code, ...JSON.parse(stdout) };
};
const cron = () => service.platform.runtime.triggerSchedule(SERVICE, CRONS.worker.checks);
const sql = async (...statements: string[]) => {
  const { runtime } = service.platform;
  await runtime.queryD1(
    runtime.registry.list("d1")[0]?.uuid ?? "",
    statements.map((one) => ({ sql: one })),
  );
};

test("ops block, unblock and mode set do what they say, and each is in the log beside what the service says of it", async () => {
  const dry = await cli("block", "203.0.113.7", "--reason", "ticket 8", "--until", "2h", "--dry-run");
  expect(dry).toMatchObject({ code: 0, blocked: false });
  for (const name of ["block", "unblock"])
    expect(await cli(name, "203.0.113.777", ...(name === "block" ? ["--reason", "x"] : []), "--dry-run")).toMatchObject(
      {
        code: 2,
        error: { cause: expect.stringContaining("IPv4") },
      },
    );
  const blocked = await cli("block", "203.0.113.7/24", "--reason", "ticket 8", "--until", "2h");
  expect(blocked).toMatchObject({ code: 0, blocked: true, network: "203.0.113.0/24", blocked_by: "bootstrap" });
  expect(await cli("unblock", "203.0.113.7")).toMatchObject({
    code: 1,
    error: { cause: expect.stringMatching(/^404/) },
  });
  expect(await cli("unblock", "203.0.113.0/24")).toMatchObject({ code: 0, holding: [{ reason: "ticket 8" }] });
  expect(await cli("mode", "set", "emergency", "--reason", "test")).toMatchObject({ code: 3 });
  expect(await cli("mode", "set", "degraded", "--reason", "ticket 9")).toMatchObject({
    code: 0,
    after: { mode: "degraded" },
  });
  expect(await cli("mode", "show")).toMatchObject({ code: 0, mode: "degraded", reason: "ticket 9", by: "bootstrap" });
  expect((await entries("mode set")).map(({ outcome }: { outcome: string }) => outcome)).toEqual(["done", "refused"]);
  expect(await entries("block")).toMatchObject([{ source: "ops", detail: { network: "203.0.113.0/24" } }]);
  expect(await entries("blocklist.add")).toMatchObject([{ source: "service", subject: "203.0.113.0/24" }]);
});

test("ops audit verify reads chain, archive and backups", async () => {
  const faults = service.platform.faults;
  if (!faults) throw new Error("the platform runs without the shim");
  faults.clock_offset_ms += AUDIT_ANCHOR_AFTER_MS + 60_000;
  await cron();
  expect((await cli("backup", "create")).code).toBe(0);
  const whole = await cli("audit", "verify");
  // The backup's own record came after the head that it saw.
  expect(whole).toMatchObject({ code: 0, ok: true, backups: 1, findings: [] });
  expect(whole.entries.archive).toBe(whole.head.seq - 1);
});

test("an altered entry is put back as the runbook says: by its line of a snapshot's export, with every trigger in place", async () => {
  const evidence = join(dir, "evidence");
  expect((await cli("backup", "export", evidence, "--table", "audit_log")).code).toBe(0);
  await sql(
    "DROP TRIGGER audit_log_unchanged",
    "UPDATE audit_log SET actor = 'mallory' WHERE seq = 2",
    "CREATE TRIGGER audit_log_unchanged BEFORE UPDATE ON audit_log BEGIN SELECT RAISE(ABORT, 'never changed'); END",
  );
  expect(await cli("audit", "verify")).toMatchObject({ code: 1, findings: [{ seq: 2, reason: "altered" }] });

  const line = readFileSync(join(evidence, "database.sql"), "utf8")
    .split("\n")
    .find((one) => one.startsWith("(2,"));
  await sql(`REPLACE INTO audit_log VALUES ${line?.replace(/[,;]$/, "")}`);
  expect(await cli("audit", "verify")).toMatchObject({ code: 0, findings: [] });
});

test("ops audit verify tells a tail that was cut off", async () => {
  const whole = await cli("audit", "verify");
  await sql("DROP TRIGGER audit_log_kept", `DELETE FROM audit_log WHERE seq >= ${whole.head.seq - 2}`);
  const cut = await cli("audit", "verify");
  const missing = { seq: whole.head.seq - 2, reason: "missing", explained_by: null };
  expect(cut).toMatchObject({ code: 1, ok: false });
  expect(cut.findings).toMatchObject([
    { where: "archive", ...missing },
    { where: "backup", ...missing },
  ]);
});

test("ops audit export writes the log and its compliance report, never over a file", async () => {
  const [log, report] = [join(dir, "log.csv"), join(dir, "report.json")];
  expect(await cli("audit", "export", log, "--archive")).toMatchObject({ code: 0, file: log });
  expect(readFileSync(log, "utf8")).toContain(",drill own,done,");
  expect((await cli("audit", "export", log)).error).toMatchObject({ cause: "the file is there already" });
  expect((await cli("audit", "export", report, "--report", "--format", "json")).code).toBe(0);
  expect(JSON.parse(readFileSync(report, "utf8"))).toMatchObject({ retention: { database_days: 90 } });
});
