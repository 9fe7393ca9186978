/** The database looked into: what is there, how it answers, whether it is sound. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Service, startService } from "../../worker/service.fixture.ts";
import { TABLES } from "../../worker/store/tables.ts";
import { invoked } from "../command/invoked.fixture.ts";
import { runCommand } from "../command/run-cli.fixture.ts";
import type { JsonValue } from "../d1/connection.ts";
import { liveStack } from "../restore/stack-state.fixture.ts";
import { putStock } from "../service/stock.fixture.ts";
import { dbCheck } from "./check.ts";
import { dbExplain } from "./explain.ts";

const folder = mkdtempSync(join(tmpdir(), "prism-db-"));
let service: Service;
let stack: Awaited<ReturnType<typeof liveStack>>;
beforeAll(async () => {
  service = await startService({ data_dir: folder });
  await putStock(service);
  stack = await liveStack(service.platform, folder);
});
afterAll(async () => {
  await service.close();
  rmSync(folder, { recursive: true, force: true });
});

const cli = async (...words: string[]) => {
  const { stdout, code } = await runCommand([...words, "--data", folder, "--json"]);
  return { code, ...JSON.parse(stdout) };
};
const run = (sql: string, ...params: JsonValue[]) => stack.database.batch([{ sql, params }]);
const explain = async (sql: string) => (await invoked(dbExplain, folder, { sql })).data;

test("tables are told with rows, size and indexes, the largest first", async () => {
  const { tables, bytes, database } = await cli("db", "tables");
  expect(database).toBe("prism-db-g1");
  const names = tables.map(({ name }: { name: string }) => name);
  expect(TABLES.filter((name) => name !== "chunks_fts" && !names.includes(name))).toEqual([]);
  const documents = tables.find(({ name }: { name: string }) => name === "documents");
  expect(documents).toMatchObject({ rows: 60, is_logged: true });
  const sizes = tables.map(({ bytes_about }: { bytes_about: number }) => bytes_about);
  expect(sizes).toEqual([...sizes].sort((a, b) => b - a));
  expect(bytes).toBeGreaterThan(documents.bytes_about);
});

describe("a query is explained", () => {
  test("by its plan, with what it reads from end to end", async () => {
    const { code, steps, scans } = await cli(
      "db",
      "explain",
      "SELECT title FROM documents WHERE title = ? AND id > ?1",
    );
    expect({ code, scans }).toEqual({ code: 0, scans: [] });
    expect(steps.map(({ detail }: { detail: string }) => detail)).toEqual([
      expect.stringContaining("SEARCH documents"),
    ]);
    expect((await explain("SELECT title FROM documents ORDER BY title LIMIT ?")).scans).toEqual([
      { table: "documents", rows: 60 },
    ]);
    expect((await explain("WITH some AS (SELECT 1 AS one) SELECT one FROM some -- and no more")).scans).toEqual([]);
  });

  test.each([
    "SELECT avg(rating), count(*) FROM feedback WHERE created_at_ms >= ?1",
    "SELECT count(*) FROM job_parts WHERE state = 'queued'",
    "SELECT p.job_id FROM job_parts p JOIN jobs j ON j.id = p.job_id WHERE p.state = 'queued' AND j.created_at_ms < ?1 LIMIT ?2",
  ])("and what cron asks every five minutes is answered by an index: %s", async (sql) => {
    const { scans, steps } = await explain(sql);
    expect(scans).toEqual([]);
    expect(steps[0].detail).toMatch(/feedback_by_creation|job_parts_queued/);
  });

  test.each([
    "DELETE FROM documents",
    "WITH some AS (SELECT 1) DELETE FROM documents",
    "SELECT 1; DELETE FROM documents",
    "SELECT 1) UNION SELECT (2",
    "PRAGMA table_list",
    "EXPLAIN SELECT 1",
    "",
  ])("and nothing but one SELECT is: %s", async (sql) => {
    await expect(explain(sql)).rejects.toMatchObject({ exit_code: 2 });
    const [left] = await run("SELECT count(*) FROM documents");
    expect(left?.rows[0]?.[0]).toBe(60);
  });
});

test("slow statements come with their plans, and indexes with what those ask for", async () => {
  expect((await cli("db", "slow")).code).toBe(0);
  const { indexes, unindexed_references, advice } = await cli("db", "indexes");
  expect(indexes).toContainEqual({
    table: "job_parts",
    name: "job_parts_queued",
    columns: "job_id, part",
    is_partial: true,
  });
  expect({ unindexed_references, advice }).toEqual({ unindexed_references: [], advice: [] });
});

test("a sound database passes every check; each fault is told by the check that it is for, with a way on", async () => {
  // How far the words of chunks were read again is kept beside the sequences, and is no id.
  await run("INSERT INTO sequences (name, next) VALUES ('words/1', 1) ON CONFLICT DO UPDATE SET next = 1");
  const sound = await cli("db", "check");
  expect(sound).toMatchObject({ code: 0 });
  expect(sound.checks.flatMap(({ faults }: { faults: string[] }) => faults)).toEqual([]);

  await run("DROP INDEX chunks_by_document");
  await run("DELETE FROM tenants");
  await run("UPDATE sequences SET next = 2 WHERE name = 'chunks'");
  await run("INSERT INTO jobs VALUES ('halved', 'default', 1, 2, 1)");
  await run("INSERT INTO write_fence VALUES (1, 'database g1 to g2', 'a test', 1, NULL)");
  await run("INSERT INTO chunks_fts (rowid, text) VALUES (900000, 'nobody has this')");
  const { data, exit_code } = await invoked(dbCheck, folder);
  expect(exit_code).toBe(1);
  const failed = data.checks.filter(({ ok }: { ok: boolean }) => !ok);
  expect(
    Object.fromEntries(failed.map(({ name, faults }: { name: string; faults: string[] }) => [name, faults[0]])),
  ).toEqual({
    schema: "indexes missing or otherwise defined: chunks_by_document",
    "full text": expect.stringContaining("chunks_fts"),
    sequences: expect.stringContaining("chunks: the next id is 2"),
    tenants: "default has documents, and no index version",
    jobs: "job halved has 0 parts of 2",
    fence: expect.stringContaining("database g1 to g2"),
  });
  for (const { remedy } of failed) expect(remedy).not.toBe("");
});

test("of a database that has lost a table, one line says what to do, and no other advises against it", async () => {
  await run("DROP TABLE feedback");
  const { data } = await invoked(dbCheck, folder);
  const told = Object.fromEntries(data.checks.map(({ name, ...check }: { name: string }) => [name, check]));
  expect(told.tables).toMatchObject({
    faults: ["feedback is missing"],
    remedy: expect.stringContaining("restore plan"),
  });
  for (const name of ["schema", "full text", "sequences", "tenants", "jobs"])
    expect(told[name]).toMatchObject({ ok: false, faults: ["not judged, since tables are missing"] });
  expect(told.fence).toMatchObject({ faults: [expect.stringContaining("writes wait since")] });
});
