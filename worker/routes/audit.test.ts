import { afterAll, beforeAll, expect, test, vi } from "vitest";
import type { z } from "zod";
import { CRONS, KV_NAMESPACES, SERVICE } from "../../infra/inventory.ts";
import { type ChainedEntry, chained, GENESIS, type Head, verifyChain } from "../audit/chain.ts";
import { addElsewhere, whileTampered } from "../audit/tampering.fixture.ts";
import { waitingKey } from "../ground/waiting.ts";
import { AUDIT_ANCHOR_AFTER_MS, AUDIT_KEPT_MS } from "../limits.ts";
import type { auditIntegrity } from "../schemas/audit.ts";
import { type Service, startService } from "../security/callers.fixture.ts";

let service: Service;
beforeAll(async () => {
  service = await startService({ faults: true, variables: { LOG_LEVEL: "INFO" } });
});
afterAll(() => service.close());

type Integrity = z.infer<typeof auditIntegrity>;

const faults = () => service.platform.faults ?? expect.fail("the platform runs without the shim");

const report = (id: string, more: Record<string, unknown> = {}) =>
  service.call("POST", "/api/v1/audit-logs", {
    key: service.platform.api_secret,
    body: { id, at: "2026-01-02T03:04:05Z", actor: "alice", action: "deploy", outcome: "done", ...more },
  });

const list = async (query = "") => {
  const { json, status } = await service.call("GET", `/api/v1/audit-logs${query}`, {
    key: service.platform.api_secret,
  });
  expect(status).toBe(200);
  return json as { entries: Record<string, unknown>[]; next_cursor: string | null };
};

const chain = async () => (await service.sql("SELECT * FROM audit_log ORDER BY seq")) as unknown as ChainedEntry[];

test("fifty writers of one isolate and ten of others, all at once, make one chain", async () => {
  const before = (await chain()).length;
  const [answers] = await Promise.all([
    Promise.all(Array.from({ length: 50 }, (_, n) => report(`concurrent-${n}`, { subject: `${n}` }))),
    Promise.all(Array.from({ length: 10 }, (_, n) => addElsewhere(service, `elsewhere-${n}`))),
  ]);
  expect(answers.map(({ status }) => status)).toEqual(Array(50).fill(201));
  const entries = await chain();
  expect(entries).toHaveLength(before + 60);
  expect(new Set(answers.map(({ json }) => json.seq)).size).toBe(50);
  expect((await verifyChain(entries, GENESIS)).flaw).toBeNull();
});

test("a log that a restore has taken back goes on from where it is, whatever an isolate remembers of it", async () => {
  const [trigger] = await service.sql("SELECT sql FROM sqlite_schema WHERE name = 'audit_log_kept'");
  await service.sql("DROP TRIGGER audit_log_kept");
  await service.sql("DELETE FROM audit_log WHERE seq > 40");
  await service.sql(String(trigger?.sql));
  expect((await report("after-restore-1")).json).toMatchObject({ seq: 41 });
  expect((await verifyChain(await chain(), GENESIS)).flaw).toBeNull();
});

test("a repeated report makes no second entry", async () => {
  const first = await report("repeated-1", { detail: { n: 1 } });
  const again = await Promise.all([report("repeated-1"), report("repeated-1", { actor: "bob" })]);
  expect(first.status).toBe(201);
  for (const { status, json } of again) {
    expect(status).toBe(200);
    expect(json).toEqual(first.json);
  }
});

test("what is done with keys is in the log with who did it, and without the secret", async () => {
  const { id, key } = await service.newKey({ name: "secret name", scopes: ["admin"] });
  await service.call("PATCH", `/api/v1/keys/${id}`, { key, body: { daily_quota: 7 } });
  await service.call("DELETE", `/api/v1/keys/${id}`, { key });
  const { entries } = await list("?limit=3");
  expect(entries.map(({ action, subject, key_id }) => [action, subject, key_id])).toEqual([
    ["keys.revoke", id, id],
    ["keys.change", id, id],
    ["keys.create", id, "bootstrap"],
  ]);
  expect(entries[1]).toMatchObject({
    source: "service",
    outcome: "done",
    detail: { tenant: "default", daily_quota: 7 },
  });
  const stored = JSON.stringify(await chain());
  expect(stored).not.toContain(key.split("_")[2]);
  expect(stored).not.toContain("secret name");
});

test("entries are listed newest first, by action and time, in pages without a gap", async () => {
  for (const hour of ["01", "02", "03"])
    await report(`listed-${hour}`, { at: `2025-05-05T${hour}:00:00Z`, action: "listed" });
  const all = await list("?actionType=listed");
  expect(all.entries.map(({ id }) => id)).toEqual(["listed-03", "listed-02", "listed-01"]);
  const between = await list("?actionType=listed&from=2025-05-05T02:00:00Z&to=2025-05-05T03:00:00Z");
  expect(between.entries.map(({ id }) => id)).toEqual(["listed-02"]);
  const pages = await list("?actionType=listed&limit=2");
  const rest = await list(`?actionType=listed&limit=2&cursor=${pages.next_cursor}`);
  expect([...pages.entries, ...rest.entries]).toEqual(all.entries);
  expect(rest.next_cursor).toBeNull();
});

test("the database itself refuses to change an entry, or to delete one that is not archived", async () => {
  await report("refusals-1");
  await expect(service.sql("UPDATE audit_log SET actor = 'mallory'")).rejects.toThrow("never changed");
  await expect(service.sql("DELETE FROM audit_log")).rejects.toThrow("kept until they are archived");
});

test("the log is for the operator: admins of other tenants neither read it nor report to it", async () => {
  const { key } = await service.newKey({ tenant: "other", scopes: ["admin", "ops"] });
  for (const method of ["GET", "POST"]) {
    const body =
      method === "POST"
        ? { id: "stranger-1", at: "2026-01-01T00:00:00Z", actor: "x", action: "x", outcome: "done" }
        : undefined;
    const { status, json } = await service.call(method, "/api/v1/audit-logs", { key, ...(body && { body }) });
    expect([status, json.type]).toEqual([403, "/docs#problem-operator-route"]);
  }
});

const cron = () => service.platform.runtime.triggerSchedule(SERVICE, CRONS.worker.checks);

/** Walks through all pages, as a caller with little patience does. */
async function verify(): Promise<Integrity> {
  let cursor: string | null = null;
  for (;;) {
    const body = cursor === null ? {} : { cursor };
    const path = "/api/v1/audit-export/verify-integrity";
    const { json } = await service.call("POST", path, { key: service.platform.api_secret, body });
    const found = json as unknown as Integrity;
    if (found.cursor === null) return found;
    ({ cursor } = found);
  }
}

/** What `verify-integrity` names when someone who owns the database does this to it. */
const verifyAfter = (...statements: string[]) =>
  whileTampered(service, statements, async () => (await verify()).first_bad);

test("the chain is archived within the hour, and then verified against the archive", async () => {
  await report("to-archive-1");
  await cron();
  expect(await service.sql("SELECT * FROM audit_anchors")).toEqual([]);
  faults().clock_offset_ms += AUDIT_ANCHOR_AFTER_MS + 1;
  await cron();
  const [anchor] = await service.sql("SELECT * FROM audit_anchors");
  const entries = await chain();
  expect(anchor).toMatchObject({ first_seq: 1, last_seq: entries.at(-1)?.seq, last_hash: entries.at(-1)?.hash });
  await cron();
  expect(await service.sql("SELECT count(*) AS n FROM audit_anchors")).toEqual([{ n: 1 }]);
  expect(await verify()).toMatchObject({
    ok: true,
    first_bad: null,
    head: { seq: entries.length },
    anchor: { seq: entries.length, object: anchor?.object_key },
  });
});

test("whoever owns the database cannot change the log unnoticed: the first bad entry is named", async () => {
  await report("not-archived-1");
  const last = (await chain()).length;
  const other = (seq: number, from: number) =>
    `INSERT INTO audit_log SELECT ${seq}, prev_hash || 'x', hash, entry_id || 'x', at_ms, chained_at_ms, source, actor, key_id, action, outcome, subject, detail FROM audit_log WHERE seq = ${from}`;
  expect(await verifyAfter("UPDATE audit_log SET actor = 'mallory' WHERE seq = 7")).toEqual({
    seq: 7,
    reason: "altered",
  });
  expect(await verifyAfter("DELETE FROM audit_log WHERE seq = 9")).toEqual({ seq: 9, reason: "missing" });
  expect(await verifyAfter("DELETE FROM audit_log WHERE seq = 1")).toEqual({ seq: 1, reason: "missing" });
  expect(await verifyAfter(other(last + 1, 3))).toEqual({ seq: last + 1, reason: "altered" });
  const swap = [
    "UPDATE audit_log SET seq = -4 WHERE seq = 4",
    "UPDATE audit_log SET seq = 4 WHERE seq = 5",
    "UPDATE audit_log SET seq = 5 WHERE seq = -4",
  ];
  expect(await verifyAfter(...swap)).toEqual({ seq: 4, reason: "altered" });
  // What is left is a whole chain: only the archive knows of more.
  expect(await verifyAfter(`DELETE FROM audit_log WHERE seq >= ${last - 1}`)).toEqual({
    seq: last - 1,
    reason: "missing",
  });
  expect(await verify()).toMatchObject({ ok: true, first_bad: null });
});

test("cron notices, too: a cut tail and a changed entry fail its task with the first bad entry", async () => {
  const last = (await chain()).length;
  const watched = async () => {
    service.logs.splice(0);
    await cron();
    const line = await vi.waitUntil(() => service.logs.find((one) => one.includes('"cron/verify-audit"')), 20_000);
    return JSON.parse(line).error?.message ?? "well";
  };
  const after = (statement: string) => whileTampered(service, [statement], watched);
  expect(await after(`DELETE FROM audit_log WHERE seq >= ${last - 1}`)).toContain(
    `broken at entry ${last - 1}: missing`,
  );
  expect(await after("UPDATE audit_log SET actor = 'x' WHERE seq = 7")).toContain("broken at entry 7: altered");
  expect(await after("DELETE FROM audit_log WHERE seq = 1")).toContain("broken at entry 1: missing");
  expect(await watched()).toBe("well");
});

test("a chain that was written anew from some entry on does not lead to its anchor", async () => {
  const entries = await chain();
  const anchored = Number((await service.sql("SELECT max(last_seq) AS seq FROM audit_anchors"))[0]?.seq);
  let head: Head = entries[9] as ChainedEntry;
  const statements: string[] = [];
  for (const { entry_id, detail, ...entry } of entries.slice(10)) {
    const forged = await chained({ ...entry, id: entry_id, detail: JSON.parse(detail), actor: "mallory" }, head, 0);
    const { seq, prev_hash, hash } = forged;
    statements.push(
      `UPDATE audit_log SET actor = 'mallory', chained_at_ms = 0, prev_hash = '${prev_hash}', hash = '${hash}' WHERE seq = ${seq}`,
    );
    head = forged;
  }
  expect(await verifyAfter(...statements)).toEqual({ seq: anchored, reason: "differs from its anchor" });
});

test("what ops left in KV while the service was down is completed by cron, once", async () => {
  const { id } =
    service.platform.runtime.registry.list("kv").find(({ title }) => title === KV_NAMESPACES.config.name) ?? {};
  const { api_url, account_id, api_token } = service.platform;
  const entry = {
    id: "waited-1",
    at_ms: 5,
    source: "service",
    actor: "bob",
    key_id: "forged",
    action: "rollback",
    outcome: "done",
    subject: "",
    detail: {},
  };
  const values = `${api_url}/accounts/${account_id}/storage/kv/namespaces/${id}/values/${waitingKey("audit")}`;
  for (const name of ["one", "two", "broken"]) {
    const body = name === "broken" ? "{}" : JSON.stringify(entry);
    await fetch(`${values}${name}`, { method: "PUT", headers: { authorization: `Bearer ${api_token}` }, body });
  }
  await cron();
  const { entries } = await list("?actionType=rollback");
  expect(entries).toHaveLength(1);
  expect(entries[0]).toMatchObject({ actor: "bob", source: "ops", key_id: "operator", at: "1970-01-01T00:00:00.005Z" });
  const left = await fetch(`${values}one`, { headers: { authorization: `Bearer ${api_token}` } });
  expect(left.status).toBe(404);
});

test("an export has every entry in the order of the chain, and what a spreadsheet would run is harmless", async () => {
  await report("formula-1", { actor: '=HYPERLINK("x")', action: "exported" });
  const get = (query: string) =>
    service.call("GET", `/api/v1/audit-export?${query}`, { key: service.platform.api_secret });
  const all = (await get("format=json")).json as unknown as { seq: number }[];
  expect(all.map(({ seq }) => seq)).toEqual((await chain()).map(({ seq }) => seq));
  const csv = await get("format=csv&actionType=exported");
  expect(csv.headers.get("content-type")).toBe("text/csv; charset=utf-8");
  const [columns, row, end] = csv.text.split("\r\n");
  expect(columns).toBe("seq,at,chained_at,source,actor,key_id,action,outcome,subject,detail,id,prev_hash,hash");
  expect(row).toContain(`,ops,"'=HYPERLINK(""x"")",bootstrap,exported,done,,{},formula-1,`);
  expect(end).toBe("");
  expect((await get("actionType=never")).json).toEqual([]);
});

test("a compliance report counts what was done in a period", async () => {
  const send = (format: string) =>
    service.call("POST", "/api/v1/audit-export/compliance-report", {
      key: service.platform.api_secret,
      body: { from: "2025-05-05T01:00:00Z", to: "2025-05-05T03:00:00Z", format },
    });
  expect((await send("json")).json).toMatchObject({
    entries: 2,
    by_action: [{ action: "listed", outcome: "done", entries: 2 }],
    by_actor: [{ actor: "alice", key_id: "bootstrap", entries: 2 }],
    chain: { head: { seq: (await chain()).length } },
  });
  expect((await send("csv")).text).toBe(
    "section,name,detail,entries\r\naction,listed,done,2\r\nactor,alice,bootstrap,2\r\n",
  );
});

test("old entries leave the database for the archive, which keeps the log whole and verifiable", async () => {
  const before = await chain();
  faults().clock_offset_ms += AUDIT_KEPT_MS;
  await cron();
  await cron();
  const kept = await chain();
  expect(kept.length).toBeLessThan(before.length);
  expect(kept.at(-1)).toEqual(before.at(-1));
  expect(await verify()).toMatchObject({ ok: true, head: { seq: before.length } });
  const path = "/api/v1/audit-export?archive=1";
  const { json } = await service.call("GET", path, { key: service.platform.api_secret });
  expect((json as unknown as { hash: string }[]).map(({ hash }) => hash)).toEqual(before.map(({ hash }) => hash));
  // The first entry that is left is chained to what only the archive holds.
  const first = kept[0]?.seq ?? 0;
  expect(await verifyAfter(`DELETE FROM audit_log WHERE seq = ${first}`)).toEqual({ seq: first, reason: "missing" });
});
