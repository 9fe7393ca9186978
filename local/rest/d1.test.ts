import { afterAll, beforeAll, expect, test } from "vitest";
import { type RestUnderTest, startRest } from "./rest-server.fixture.ts";

let rest: RestUnderTest;
let id: string;
beforeAll(async () => {
  rest = await startRest();
  const created = await rest.client.d1.database.create({ account_id: rest.account_id, name: "first" });
  id = created.uuid ?? "";
});
afterAll(() => rest.close());

const query = async (sql: string, params?: unknown[]) =>
  (await rest.call("POST", `/d1/database/${id}/query`, { sql, params })).body;
const refusal = async (sql: string, params?: unknown[]) => {
  const { status, body } = await rest.call("POST", `/d1/database/${id}/query`, { sql, params });
  expect([status, body.success, body.errors[0]?.code]).toEqual([400, false, 7500]);
  return body.errors[0]?.message ?? "";
};

test("a database is created, found by name, described with size and tables, changed and deleted", async () => {
  const { client, account_id } = rest;
  const made = await client.d1.database.create({ account_id, name: "second" });
  expect(made).toMatchObject({ name: "second", num_tables: 0, read_replication: { mode: "disabled" } });
  const listed = [];
  for await (const one of client.d1.database.list({ account_id, name: "second" })) listed.push(one.uuid);
  expect(listed).toEqual([made.uuid]);
  await client.d1.database.update(made.uuid ?? "", { account_id, read_replication: { mode: "auto" } });
  expect(await client.d1.database.get(made.uuid ?? "", { account_id })).toMatchObject({
    read_replication: { mode: "auto" },
  });
  await client.d1.database.delete(made.uuid ?? "", { account_id });
  await expect(client.d1.database.get(made.uuid ?? "", { account_id })).rejects.toMatchObject({
    status: 404,
    errors: [{ code: 7404 }],
  });
});

test("a taken name is refused with code 7502", async () => {
  await expect(rest.client.d1.database.create({ account_id: rest.account_id, name: "first" })).rejects.toMatchObject({
    status: 400,
    errors: [{ code: 7502 }],
  });
});

test("query answers rows as objects with meta, one result for each statement of the text", async () => {
  const { result } = await query(
    "CREATE TABLE pets (id INTEGER PRIMARY KEY, name TEXT); INSERT INTO pets (name) VALUES ('Mia'), ('Bo'); SELECT * FROM pets",
  );
  expect(result.map((one: { results: unknown[] }) => one.results)).toEqual([
    [],
    [],
    [
      { id: 1, name: "Mia" },
      { id: 2, name: "Bo" },
    ],
  ]);
  expect(result[1].meta).toMatchObject({ changes: 2, last_row_id: 2, changed_db: true, rows_written: 2 });
  for (const key of ["served_by", "duration", "size_after", "rows_read"]) expect(result[1].meta).toHaveProperty(key);
});

test("the SDK's raw keeps columns of equal name apart, and batch binds each statement's own parameters", async () => {
  const pages = await rest.client.d1.database.raw(id, {
    account_id: rest.account_id,
    sql: "SELECT 1 AS a, ? AS a",
    params: ["x"],
  });
  expect(pages.result[0]?.results).toEqual({ columns: ["a", "a"], rows: [[1, "x"]] });
  const { body } = await rest.call("POST", `/d1/database/${id}/query`, {
    batch: [
      { sql: "SELECT ? AS v", params: [1] },
      { sql: "SELECT typeof(?1) AS t, ?1 AS v", params: [[0, 255]] },
      { sql: "SELECT ? AS v", params: [true] },
    ],
  });
  expect(body.result.map((one: { results: unknown[] }) => one.results)).toEqual([
    [{ v: 1 }],
    [{ t: "blob", v: [0, 255] }],
    [{ v: 1 }],
  ]);
});

test("a batch is one transaction: when a statement fails, nothing of it stays", async () => {
  await query("CREATE TABLE once (a)");
  await refusal("INSERT INTO once VALUES (1); INSERT INTO nowhere VALUES (1)");
  expect((await query("SELECT count(*) AS n FROM once")).result[0].results).toEqual([{ n: 0 }]);
});

test("SQLite's message comes back under code 7500", async () => {
  expect(await refusal("SELECT * FROM nowhere")).toBe("no such table: nowhere: SQLITE_ERROR");
  expect(await refusal("-- nothing")).toMatch(/No SQL statements/);
});

test.each([
  "VACUUM",
  "PRAGMA integrity_check",
  "PRAGMA freelist_count",
  "SELECT * FROM pragma_page_count()",
  "SELECT * FROM pragma_page_size()",
  "SELECT sqlite_version()",
  "ATTACH 'other' AS other",
  "CREATE TEMP TABLE t (a)",
  "SELECT * FROM dbstat",
  "BEGIN",
  "SAVEPOINT s",
])("D1 refuses %s", async (sql) => {
  await refusal(sql);
});

test.each([
  "PRAGMA quick_check",
  "PRAGMA foreign_key_check",
  "PRAGMA optimize",
  "PRAGMA table_list",
  "ANALYZE",
  "REINDEX",
  "PRAGMA defer_foreign_keys = on",
  "CREATE VIRTUAL TABLE words USING fts5 (text, tokenize = 'porter')",
])("D1 allows %s", async (sql) => {
  expect((await query(sql)).success).toBe(true);
});

test("at most 100 parameters are bound", async () => {
  expect(await refusal("SELECT 1", Array(101).fill(1))).toMatch(/too many SQL variables: 101/);
});

test("a statement has at most 100 kB", async () => {
  expect(await refusal(`SELECT '${"x".repeat(100_001)}'`)).toMatch(/SQLITE_TOOBIG/);
});

test("a value has at most 2 MB", async () => {
  expect(await refusal("SELECT length(?)", ["x".repeat(2_000_001)])).toMatch(/string or blob too big/);
});

test("a table or result has at most 100 columns", async () => {
  const columns = Array.from({ length: 101 }, (_, index) => `c${index}`);
  expect(await refusal(`CREATE TABLE wide (${columns})`)).toMatch(/too many columns/);
  expect(await refusal(`SELECT ${columns.map(() => 1)}`)).toMatch(/too many columns/);
});

test("a compound SELECT has at most 5 terms", async () => {
  expect(await refusal(Array(6).fill("SELECT 1").join(" UNION "))).toMatch(/too many terms/);
});

test("a LIKE pattern has at most 50 bytes", async () => {
  expect(await refusal(`SELECT 'a' LIKE '${"a".repeat(51)}'`)).toMatch(/pattern too complex/);
});

test("a function has at most 32 arguments, a table more columns than that", async () => {
  expect(await refusal(`SELECT max(${Array(33).fill("min(1, ',')")})`)).toMatch(/too many arguments on function max/);
  expect((await query(`SELECT max(${Array(32).fill(1)})`)).success).toBe(true);
});

test("a trigger is accepted alone, and refused beside other statements as Cloudflare's /query would cut it", async () => {
  await query("CREATE TABLE log (a)");
  const trigger =
    "CREATE TRIGGER on_log AFTER INSERT ON log BEGIN SELECT CASE WHEN NEW.a IS NULL THEN RAISE(ABORT, 'no') END; END";
  expect(await refusal(`SELECT 1; ${trigger}`)).toMatch(/incomplete input.*batch.*\/import/);
  expect((await query(trigger)).success).toBe(true);
  expect(await refusal("INSERT INTO log VALUES (NULL)")).toMatch(/^no/);
});

test.each([["{"], ["[]"], ['{"sql": 1}'], ['{"batch": []}'], ['{"sql": "SELECT 1", "params": {"a": 1}}']])(
  "a malformed body %s is 400 with code 7400",
  async (text) => {
    const { status, body } = await rest.call("POST", `/d1/database/${id}/query`, text);
    expect([status, body.errors[0]?.code]).toEqual([400, 7400]);
  },
);
