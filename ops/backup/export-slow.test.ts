import { execFileSync } from "node:child_process";
import { closeSync, existsSync, openSync, readdirSync, readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runCli } from "../command/run-cli.fixture.ts";
import { anyCell, contents, nastyDatabase, tablePlan } from "../d1/nasty-database.fixture.ts";
import { readRows } from "../d1/read-rows.ts";
import { encodeRow, type Row } from "../d1/row-codec.ts";
import { readSchema } from "../d1/schema.ts";
import { sqliteD1 } from "../d1/sqlite-connection.ts";
import { directoryStorage } from "../storage/directory-storage.ts";
import { insertion } from "./export/sql-text.ts";
import { initRepository } from "./repository/key-administration.ts";
import { type BackupKey, formatKey, joinKeys } from "./repository/key-file.ts";
import { openRepository } from "./repository/open-repository.ts";
import { serviceDatabase } from "./snapshot/snapshot-rig.fixture.ts";
import { takeSnapshot } from "./snapshot/take.ts";

let dir: string;
let key: BackupKey;
const vault = () => join(dir, "vault");
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "prism-export-"));
  const { signal } = new AbortController();
  const keys = await initRepository(directoryStorage(vault()), { escrow: "e", writer: "w" }, Date.now(), signal);
  key = joinKeys(keys.writer, keys.escrow);
  await writeFile(join(dir, "key.json"), formatKey(key));
});
afterAll(() => rm(dir, { recursive: true }));

async function backUp(database: DatabaseSync): Promise<string> {
  const repository = await openRepository(directoryStorage(vault()), key);
  const connection = sqliteD1(database);
  const { info } = await takeSnapshot(
    repository,
    { stack: "local", database: { id: "d", name: "d", connection, bookmark: async () => null }, stores: null },
    { full: true, tool: "test 1", now: Date.now, requests: () => 0, on_bytes: () => {} },
  );
  await repository.close();
  return info.id;
}

async function backup(...words: string[]) {
  const on = ["--key-file", join(dir, "key.json"), "--data", join(dir, "data"), "--json"];
  const { code, stdout } = await runCli(["backup", ...words, ...on]);
  return { code, ...JSON.parse(stdout) };
}

/** By the shell where there is one: it reads SQL in its own way. */
function load(sql: string, into: string): DatabaseSync {
  const input = openSync(sql, "r");
  try {
    execFileSync("sqlite3", ["-bail", into], { stdio: [input, "pipe", "pipe"] });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    const made = new DatabaseSync(into);
    made.exec(readFileSync(sql, "utf8"));
    made.close();
  } finally {
    closeSync(input);
  }
  return new DatabaseSync(into);
}

test("any cell comes back bit for bit from its SQL", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyCell, { minLength: 1, maxLength: 12 }), async (cells) => {
      const database = new DatabaseSync(":memory:");
      database.exec("CREATE TABLE t (id INTEGER PRIMARY KEY, cell)");
      const rows = cells.map((cell, at) => [BigInt(at), cell]);
      database.exec(insertion("t", ["id", "cell"], rows));
      const connection = sqliteD1(database);
      const [table] = (await readSchema(connection)).tables;
      const found: Row[] = [];
      if (table) for await (const page of readRows(connection, table)) found.push(...page);
      expect(found.map((row) => encodeRow(row).toString("hex"))).toEqual(
        rows.map((row) => encodeRow(row).toString("hex")),
      );
      database.close();
    }),
    { numRuns: 200 },
  );
});

test("a snapshot's SQL loads into the same database, and its NDJSON names every row", {
  timeout: 120_000,
}, async () => {
  const [plans] = fc.sample(fc.array(tablePlan, { minLength: 6, maxLength: 6 }), { numRuns: 1 });
  const source = nastyDatabase(plans ?? []);
  const id = await backUp(source);
  const to = join(dir, "plain");
  const exported = await backup("export", id, to, "--repository", vault());
  expect(exported).toMatchObject({ code: 0, snapshot: id, folder: to });
  const copy = new DatabaseSync(":memory:");
  copy.exec(readFileSync(join(to, "database.sql"), "utf8"));
  expect(contents(copy)).toEqual(contents(source));
  for (const { name, rows } of exported.tables) {
    const text = readFileSync(join(to, "tables", `${encodeURIComponent(name)}.ndjson`), "utf8");
    const lines = text === "" ? [] : text.trimEnd().split("\n");
    expect(lines.map((line) => Object.keys(JSON.parse(line)).length > 0)).toEqual(Array(rows).fill(true));
  }
  expect((await backup("export", id, to, "--repository", vault())).error.cause).toMatch(/it holds .* already/);
});

test("the sqlite3 shell, where there is one, reads the SQL of the service's tables as any library does", {
  timeout: 60_000,
}, async () => {
  const source = serviceDatabase(40);
  const text = ".quit\r\ngo\n/\r\n;-- 'it''s'\tß \u{1f600}\u0000";
  source.prepare("INSERT INTO feedback VALUES ('r', 'k', 't', 5, ?, 1)").run(text);
  const to = join(dir, "service");
  await backUp(source);
  expect((await backup("export", to, "--repository", vault())).code).toBe(0);
  const copy = load(join(to, "database.sql"), join(dir, "copy.sqlite"));
  source.exec("DELETE FROM change_log");
  const rows = (database: DatabaseSync) => contents(database).filter((line) => !line.startsWith("sqlite_sequence"));
  expect(rows(copy)).toEqual(rows(source));
  copy.close();
});

test("a repository is copied as it is, only what is missing; the copy is as good, and comes back", {
  timeout: 120_000,
}, async () => {
  const [away, back] = [join(dir, "away"), join(dir, "back")];
  await backUp(nastyDatabase([]));
  const first = await backup("export", "--as-repository", "--to", away, "--repository", vault());
  expect(first).toMatchObject({ code: 0, passed: true, kept: 0 });
  await backUp(nastyDatabase([]));
  const second = await backup("export", "--as-repository", "--to", away, "--repository", vault());
  expect(second).toMatchObject({ passed: true, kept: first.objects, snapshots: first.snapshots + 1 });
  expect((await backup("verify", "--repository", away)).level).toBe("restore");

  expect(await backup("import", away, "--repository", back)).toMatchObject({
    passed: true,
    snapshots: second.snapshots,
  });
  const listed = await Promise.all([vault(), back].map((place) => backup("list", "--repository", place)));
  const ids = listed.map(({ snapshots }) => snapshots.map((snapshot: { id: string }) => snapshot.id));
  expect(ids[0]).toEqual(ids[1]);
  expect(existsSync(join(back, "locks")) ? readdirSync(join(back, "locks")) : []).toEqual([]);
  const keys = await initRepository(
    directoryStorage(join(dir, "foreign")),
    { escrow: "e", writer: "w" },
    0,
    new AbortController().signal,
  );
  expect(keys.writer.repository).not.toBe(key.repository);
  const refused = await backup("import", away, "--repository", join(dir, "foreign"));
  expect([refused.code, refused.error.cause]).toEqual([2, expect.stringMatching(/another repository/)]);
});
