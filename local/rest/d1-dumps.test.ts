import { createHash } from "node:crypto";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { D1_DUMP_URL_MS, D1_JOB_UNPOLLED_MAX_MS } from "../limits.ts";
import { endedWithin } from "./d1-hold.ts";
import { type RestUnderTest, startRest } from "./rest-server.fixture.ts";

let rest: RestUnderTest;
let id: string;
let count = 0;
beforeAll(async () => {
  rest = await startRest();
});
beforeEach(async () => {
  id = (await rest.client.d1.database.create({ account_id: rest.account_id, name: `db-${count++}` })).uuid ?? "";
});
afterAll(() => rest.close());

const query = (sql: string) => rest.call("POST", `/d1/database/${id}/query`, { sql });
const rows = async (sql: string) => (await query(sql)).body.result[0].results;
const exported = (more: object = {}) =>
  rest.call("POST", `/d1/database/${id}/export`, { output_format: "polling", ...more });
const exportToEnd = async (more: object = {}) => {
  const started = await exported(more);
  return exported({ ...more, current_bookmark: started.body.result.at_bookmark });
};

/** The whole protocol, as `wrangler d1 execute --file` speaks it. */
async function importSql(sql: string) {
  const etag = createHash("md5").update(sql).digest("hex");
  const at = { account_id: rest.account_id };
  const init = await rest.client.d1.database.import(id, { ...at, action: "init", etag });
  const put = await fetch(init.upload_url ?? "", { method: "PUT", body: sql });
  expect(put.headers.get("etag")).toBe(`"${etag}"`);
  let state = await rest.client.d1.database.import(id, {
    ...at,
    action: "ingest",
    etag,
    filename: init.filename ?? "",
  });
  while (state.status === undefined)
    state = await rest.client.d1.database.import(id, {
      ...at,
      action: "poll",
      current_bookmark: state.at_bookmark ?? "",
    });
  return state;
}

test("what export dumps, import restores in another database", async () => {
  await query("CREATE TABLE pets (id INTEGER PRIMARY KEY, name TEXT, photo BLOB); CREATE INDEX by_name ON pets (name)");
  await query("INSERT INTO pets (name, photo) VALUES ('Mia''s; \n x', x'00ff'), (NULL, NULL)");
  const done = await exportToEnd();
  expect(done.body.result).toMatchObject({ status: "complete", success: true });
  const sql = await (await fetch(done.body.result.result.signed_url)).text();
  expect(sql).toContain("CREATE INDEX by_name");
  const before = await rows("SELECT * FROM pets");
  id = (await rest.client.d1.database.create({ account_id: rest.account_id, name: "copy" })).uuid ?? "";
  expect(await importSql(sql)).toMatchObject({ status: "complete", success: true, result: { num_queries: 5 } });
  expect(await rows("SELECT * FROM pets")).toEqual(before);
});

test("dump_options leave out data, schema or tables, and indexes whose table is named but they are not", async () => {
  await query("CREATE TABLE a (x); CREATE TABLE b (y); CREATE INDEX a_x ON a (x); INSERT INTO a VALUES (1)");
  const dump = async (dump_options: object) => {
    const { body } = await exportToEnd({ dump_options });
    return (await fetch(body.result.result.signed_url)).text();
  };
  expect(await dump({ no_data: true })).not.toContain("INSERT");
  expect(await dump({ no_schema: true })).not.toContain("CREATE");
  const onlyA = await dump({ tables: ["a"] });
  expect([onlyA.includes("CREATE TABLE a"), onlyA.includes("CREATE TABLE b"), onlyA.includes("a_x")]).toEqual([
    true,
    false,
    false,
  ]);
});

test("an export blocks every query until its dump is collected", async () => {
  await query("CREATE TABLE a (x)");
  const started = await exported();
  const blocked = await query("SELECT 1");
  expect([blocked.status, blocked.body.errors[0]?.message]).toEqual([
    400,
    "Currently processing a long-running export.",
  ]);
  await exported({ current_bookmark: started.body.result.at_bookmark });
  expect((await query("SELECT 1")).status).toBe(200);
});

test("an export that nobody polls cancels itself", async () => {
  const started = await exported();
  rest.engine.clock_offset_ms += D1_JOB_UNPOLLED_MAX_MS + 1;
  expect((await query("SELECT 1")).status).toBe(200);
  const late = await exported({ current_bookmark: started.body.result.at_bookmark });
  expect(late.body.errors[0]?.message).toMatch(/Not currently exporting/);
});

test("an export fails on FTS5 tables and leaves the database blocked for a while", async () => {
  await query("CREATE VIRTUAL TABLE words USING fts5 (text)");
  const failed = await exportToEnd();
  expect(failed.body.result).toMatchObject({
    status: "error",
    error: expect.stringMatching(/Virtual Tables \(fts5\)/),
  });
  expect((await query("SELECT 1")).body.errors[0]?.message).toMatch(/long-running export/);
  rest.engine.clock_offset_ms += D1_JOB_UNPOLLED_MAX_MS + 1;
  expect((await query("SELECT 1")).status).toBe(200);
});

test("a dump's URL needs no token and works for an hour", async () => {
  await query("CREATE TABLE a (x)");
  const { signed_url } = (await exportToEnd()).body.result.result;
  expect((await fetch(signed_url)).status).toBe(200);
  rest.engine.clock_offset_ms += D1_DUMP_URL_MS;
  expect((await fetch(signed_url)).status).toBe(403);
});

test("an import runs in one transaction: after a failure nothing of it stays", async () => {
  expect(
    await importSql("CREATE TABLE a (x); INSERT INTO a VALUES (1); INSERT INTO nowhere VALUES (1);"),
  ).toMatchObject({
    status: "error",
    error: expect.stringMatching(/no such table: nowhere/),
  });
  expect((await query("SELECT * FROM a")).body.errors[0]?.message).toMatch(/no such table/);
});

test("an import refuses BEGIN and COMMIT, and takes triggers that /query would cut", async () => {
  expect(await importSql("BEGIN; CREATE TABLE a (x); COMMIT;")).toMatchObject({
    error: expect.stringMatching(/BEGIN is not allowed/),
  });
  const sql =
    "CREATE TABLE a (x);\nCREATE TABLE b (x);\nCREATE TRIGGER t AFTER INSERT ON a BEGIN INSERT INTO b VALUES (CASE WHEN 1 THEN 2 END); END;\nINSERT INTO a VALUES (1);";
  expect(await importSql(sql)).toMatchObject({ status: "complete" });
  expect(await rows("SELECT x FROM b")).toEqual([{ x: 2 }]);
});

test("an upload that is missing or damaged is not ingested", async () => {
  const at = { account_id: rest.account_id, action: "ingest" as const };
  await expect(rest.client.d1.database.import(id, { ...at, etag: "0".repeat(32), filename: "none" })).rejects.toThrow(
    /was not uploaded/,
  );
  const init = await rest.client.d1.database.import(id, {
    account_id: rest.account_id,
    action: "init",
    etag: "0".repeat(32),
  });
  await fetch(init.upload_url ?? "", { method: "PUT", body: "SELECT 1;" });
  await expect(
    rest.client.d1.database.import(id, { ...at, etag: "0".repeat(32), filename: init.filename ?? "" }),
  ).rejects.toThrow(/etag/);
});

test("a poll whose job has ended leaves no timer behind", async () => {
  const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length;
  const before = timers();
  await endedWithin(Promise.resolve(), 3_600_000);
  expect(timers()).toBe(before);
});
