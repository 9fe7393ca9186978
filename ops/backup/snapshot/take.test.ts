import { randomInt } from "node:crypto";
import type { DatabaseSync } from "node:sqlite";
import fc from "fast-check";
import { afterEach, expect, test } from "vitest";
import type { D1Connection } from "../../d1/connection.ts";
import { contents, nastyDatabase, tablePlan } from "../../d1/nasty-database.fixture.ts";
import { readSchema } from "../../d1/schema.ts";
import { sqliteD1 } from "../../d1/sqlite-connection.ts";
import { hashTable } from "../../d1/table-hash.ts";
import { UNLOGGED_ROWS_MAX } from "../../limits.ts";
import { type SnapshotRig, serviceDatabase, snapshotRig } from "./snapshot-rig.fixture.ts";
import type { Taken } from "./take.ts";

const rigs: SnapshotRig[] = [];
afterEach(() => {
  for (const rig of rigs.splice(0)) rig.remove();
});

async function rigOf(database: DatabaseSync, now?: () => number): Promise<SnapshotRig> {
  const rig = await snapshotRig(database, now);
  rigs.push(rig);
  return rig;
}

/** Every table of the snapshot has the rows and the digest that the database has. */
async function expectEqual(taken: Taken, database: DatabaseSync): Promise<void> {
  const connection = sqliteD1(database);
  const { tables } = await readSchema(connection);
  for (const { name, rows, digest } of taken.inventory.database.tables) {
    const table = tables.find((one) => one.name === name);
    if (table === undefined) throw new Error(`no table ${name}`);
    const hash = await hashTable(connection, table);
    expect({ name, rows, digest }).toEqual({ name, rows: hash.rows, digest: hash.digest });
  }
}

/** Something happens to the database before the n-th batch of a backup, and before each one after it while it returns true. */
function meddling(meddle: (batch: number) => void) {
  let batch = 0;
  return (connection: D1Connection): D1Connection => ({
    batch: (statements, options) => {
      batch += 1;
      meddle(batch);
      return connection.batch(statements, options);
    },
  });
}

test("any database survives backup and restore bit for bit", { timeout: 60_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(tablePlan, { minLength: 1, maxLength: 3 }), async (plans) => {
      const database = nastyDatabase(plans);
      const rig = await rigOf(database);
      const { info } = await rig.take();
      expect(contents(await rig.restore(info.id))).toEqual(contents(database));
    }),
    { numRuns: 5 },
  );
});

test("a plan that fails ends the snapshot before anything is copied, and its lease", async () => {
  const rig = await rigOf(serviceDatabase(10));
  let batches = 0;
  const wrap = meddling((batch) => {
    batches = batch;
  });
  const plan = () => Promise.reject(new Error("no answer"));
  await expect(rig.take({ wrap, plan })).rejects.toThrow("no answer");
  // What the plan is made of was looked at: the definitions, and how far the log reaches.
  expect([batches, await rig.snapshots(), rig.leases()]).toEqual([2, 0, []]);
});

test("a snapshot of a database that has lost a table is taken, says that it restores nothing, and is refused before a row is written", async () => {
  const database = serviceDatabase(10);
  database.exec("CREATE VIRTUAL TABLE words USING fts5 (text, content = 'gone', content_rowid = 'id')");
  const rig = await rigOf(database);
  const { info, warnings } = await rig.take();
  const cause = "the full-text index words is of rows of gone, and that table is missing";
  expect(warnings).toEqual([`${cause}: nothing can be restored from this snapshot`]);
  await expect(rig.restore(info.id)).rejects.toMatchObject({ parts: { cause } });
});

test("a second snapshot copies what the log names, and both come back as they were", async () => {
  const database = serviceDatabase(3_000);
  const rig = await rigOf(database);
  const first = await rig.take();
  expect(first.summary).toMatchObject({ kind: "full", full_because: "it is the first snapshot of this repository" });
  await expectEqual(first, database);
  const before = contents(await rig.restore(first.info.id));

  database.exec("UPDATE chunks SET token_count = 2 WHERE id % 100 = 3");
  database.exec("DELETE FROM chunks WHERE id % 1000 = 7");
  database.exec("INSERT INTO api_keys VALUES ('k', 'n', 't', 'h', '[]', 'low', NULL, 1, NULL, NULL)");
  const second = await rig.take();
  expect(second.summary).toMatchObject({ kind: "incremental", base: first.info.id, full_because: null });
  await expectEqual(second, database);
  expect(second.summary.cost.rows_read).toBeLessThan(first.summary.cost.rows_read / 2);
  expect(second.info.new_bytes).toBeLessThan(first.info.new_bytes * 0.05);

  const restored = await rig.restore(second.info.id);
  await expectEqual(second, restored);
  expect(restored.prepare("SELECT count(*) AS found FROM chunks_fts WHERE chunks_fts MATCH 'T'").get()).toEqual({
    found: 2_997,
  });
  expect(contents(await rig.restore(first.info.id))).toEqual(before);
});

test("a key that can only write goes on by row, and the escrowed key restores what it wrote", async () => {
  const database = serviceDatabase(2_000);
  const rig = await rigOf(database);
  const first = await rig.take();
  rig.forgetEscrow();
  database.exec("UPDATE chunks SET token_count = 2 WHERE id % 100 = 3");
  const second = await rig.take();
  expect(second.summary).toMatchObject({ kind: "incremental", base: first.info.id, full_because: null });
  expect(second.info.new_bytes).toBeLessThan(first.info.new_bytes * 0.05);
  await expectEqual(second, database);
  rig.rememberEscrow();
  await expectEqual(second, await rig.restore(second.info.id));
});

test("a snapshot of a database that writers change is a state that it had", async () => {
  const database = serviceDatabase(500);
  database.exec("CREATE TABLE transfers (id INTEGER PRIMARY KEY, amount INTEGER NOT NULL)");
  for (const event of ["INSERT", "UPDATE", "DELETE"])
    database.exec(`CREATE TRIGGER transfers_log_${event} AFTER ${event} ON transfers BEGIN
      INSERT INTO change_log (table_name, row_key) VALUES ('transfers', json_array(${event === "DELETE" ? "OLD" : "NEW"}.id)); END`);
  let next = 1_000;
  // One transaction: two amounts that cancel out, a chunk that goes and one that comes, and a count of all this.
  const transfer = () => {
    const amount = randomInt(1, 100);
    database.exec(`BEGIN; INSERT INTO transfers (amount) VALUES (${amount}), (${-amount});
      UPDATE transfers SET amount = amount + 1 WHERE id = 1; UPDATE transfers SET amount = amount - 1 WHERE id = 2;
      DELETE FROM chunks WHERE id = (SELECT min(id) FROM chunks);
      INSERT INTO chunks (id, document_id, tenant_term, title, heading, text, content_hash, token_count)
        VALUES (${next++}, 1, 't', 'T', 'h', 'x', 'x', 1);
      UPDATE sequences SET next = next + 1 WHERE name = 'chunks'; COMMIT`);
  };
  transfer();
  const rig = await rigOf(database);
  for (const rounds of [40, 40]) {
    const { info, summary } = await rig.take({
      wrap: meddling((batch) => {
        for (let writes = 0; batch < rounds && writes < 20; writes++) transfer();
      }),
    });
    expect(summary.kind).toBe(rounds === 40 && info.counter === 1 ? "full" : "incremental");
    const restored = await rig.restore(info.id);
    const one = (sql: string) => Number(Object.values(restored.prepare(sql).get() ?? {})[0]);
    const count = one("SELECT count(*) FROM transfers");
    expect(count).toBeGreaterThan(2);
    expect(one("SELECT sum(amount) FROM transfers")).toBe(0);
    expect(one("SELECT next FROM sequences WHERE name = 'chunks'")).toBe(1 + count / 2);
    expect(one("SELECT count(*) FROM chunks")).toBe(500);
    expect(restored.prepare("PRAGMA foreign_key_check").all()).toEqual([]);
  }
});

test("a table without a log is of one moment if the last transaction can read it, else it says that it may not be", async () => {
  const database = serviceDatabase(10);
  for (const [name, rows] of [
    ["short", UNLOGGED_ROWS_MAX],
    ["long", UNLOGGED_ROWS_MAX + 1],
  ] as const)
    database.exec(`CREATE TABLE ${name} (id INTEGER PRIMARY KEY);
      WITH RECURSIVE ids (id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM ids WHERE id < ${rows}) INSERT INTO ${name} SELECT id FROM ids`);
  const { inventory } = await (await rigOf(database)).take();
  const scanned = inventory.database.tables.filter(({ consistency }) => consistency === "scanned");
  expect(scanned.map(({ name }) => name)).toEqual(["long"]);
});

test("a snapshot is not continued where the database was moved back in time, or its log was trimmed", async () => {
  const database = serviceDatabase(50);
  const rig = await rigOf(database);
  await rig.take();
  database.exec("DELETE FROM backup_marks");
  const moved = await rig.take();
  expect(moved.summary.full_because).toMatch(/mark is not in the database: it was moved back in time/);
  await expectEqual(moved, database);

  database.exec("UPDATE chunks SET token_count = 3 WHERE id < 20; DELETE FROM change_log");
  const trimmed = await rig.take();
  expect(trimmed.summary.full_because).toMatch(/change log was trimmed/);
  await expectEqual(trimmed, database);
});

test("a database that is moved back in time, or whose schema changes, during a backup gives no snapshot", async () => {
  const database = serviceDatabase(50);
  const rig = await rigOf(database);
  const once = (sql: string) => ({ wrap: meddling((batch) => batch === 12 && database.exec(sql)) });
  await expect(rig.take(once("DELETE FROM backup_marks"))).rejects.toThrow(/moved back in time meanwhile/);
  await expect(rig.take(once("CREATE INDEX late ON chunks (title)"))).rejects.toThrow(/schema was changed meanwhile/);
  expect(await rig.snapshots()).toBe(0);
  await expectEqual(await rig.take(), database);
});

test("the order in which definitions were made is no part of the schema: a rebuilt database has another", async () => {
  const database = serviceDatabase(10);
  const rig = await rigOf(database);
  const before = await rig.take();
  const { sql } = database.prepare("SELECT sql FROM sqlite_schema WHERE name = 'chunks_log_insert'").get() ?? {};
  database.exec(`DROP TRIGGER chunks_log_insert; ${sql}; UPDATE chunks SET token_count = 3 WHERE id = 2`);
  const after = await rig.take();
  expect(after.inventory.database.schema).toBe(before.inventory.database.schema);
  expect(after.inventory.database.tables.find(({ name }) => name === "chunks")?.layers).toHaveLength(1);
});

test("a table with another shape is copied whole, the others go on", async () => {
  const database = serviceDatabase(400);
  const rig = await rigOf(database);
  await rig.take();
  database.exec("ALTER TABLE chunks ADD COLUMN language TEXT DEFAULT 'en'");
  const { summary, inventory, info } = await rig.take();
  expect(summary.kind).toBe("incremental");
  const layers = new Map(inventory.database.tables.map(({ name, layers }) => [name, layers.length]));
  expect([layers.get("chunks"), layers.get("backup_marks")]).toEqual([0, 2]);
  expect((await rig.restore(info.id)).prepare("SELECT DISTINCT language FROM chunks").all()).toEqual([
    { language: "en" },
  ]);
});

test("a table whose order is not that of bytes is copied whole each time, and keeps what changed meanwhile", async () => {
  const database = serviceDatabase(10);
  database.exec("CREATE TABLE names (name TEXT COLLATE NOCASE NOT NULL PRIMARY KEY) WITHOUT ROWID");
  for (const event of ["INSERT", "UPDATE", "DELETE"])
    database.exec(`CREATE TRIGGER names_log_${event} AFTER ${event} ON names BEGIN
      INSERT INTO change_log (table_name, row_key) VALUES ('names', json_array(${event === "DELETE" ? "OLD" : "NEW"}.name)); END`);
  database.exec("INSERT INTO names VALUES ('b'), ('A'), ('C'), ('d')");
  const rig = await rigOf(database);
  // The last batch but one or two comes after the table was copied.
  const { info, inventory } = await rig.take({
    wrap: meddling(
      (batch) => batch === 20 && database.exec("DELETE FROM names WHERE name = 'C'; INSERT INTO names VALUES ('E')"),
    ),
  });
  expect(inventory.database.tables.find(({ name }) => name === "names")).toMatchObject({ ordered: false, rows: 4 });
  expect(contents(await rig.restore(info.id)).filter((line) => line.startsWith("names:"))).toEqual(
    contents(database).filter((line) => line.startsWith("names:")),
  );
});

test("the first snapshot of a month needs no reading of the database: it takes over what the last one had", async () => {
  const database = serviceDatabase(2_000);
  let now_ms = Date.parse("2026-10-31T12:00:00Z");
  const rig = await rigOf(database, () => now_ms);
  const first = await rig.take();
  now_ms += 86_400_000;
  const second = await rig.take();
  expect([first.info.epoch, second.info.epoch, second.summary.kind]).toEqual(["2026-10", "2026-11", "incremental"]);
  expect(second.info.new_bytes).toBeGreaterThan(first.info.new_bytes * 0.9);
  expect(second.summary.cost.rows_read).toBeLessThan(1_000);
  await expectEqual(second, await rig.restore(second.info.id));
});
