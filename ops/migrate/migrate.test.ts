import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Migration, readMigrations } from "../../infra/migration-files.ts";
import { asOpsError, OpsError } from "../command/errors.ts";
import type { D1Connection } from "../d1/connection.ts";
import { sqliteD1 } from "../d1/sqlite-connection.ts";
import { appliedMigrations, applyMigration, revertMigration } from "./ledger.ts";
import { contractedSince, planMigrations } from "./plan.ts";

const expand = (name: string): Migration => ({ name, phase: "expand", statements: [], revert: { statements: [] } });
const contract = (name: string): Migration => ({ name, phase: "contract", statements: [], revert: { none: "gone" } });

/** The API refuses SQL with 400; a file has no status. */
const asOverRest = (database: D1Connection): D1Connection => ({
  batch: (statements) =>
    database.batch(statements).catch((thrown: unknown) => {
      throw new OpsError(asOpsError(thrown).parts, { status: 400 });
    }),
});

describe("the plan", () => {
  const files = [expand("0001_a.sql"), contract("0002_b.sql"), expand("0003_c.sql")];
  const actions = (...args: Parameters<typeof planMigrations>) =>
    planMigrations(...args).pending.map(({ name, action }) => `${name.slice(0, 4)} ${action}`);

  test("an expansion runs before the version that needs it; a contraction waits for the deployment after the next", () => {
    const applied = new Set(["0001_a.sql"]);
    expect(actions(files, applied, { kind: "version", schema: "0001_a.sql" })).toEqual(["0002 wait", "0003 apply"]);
    expect(actions(files, applied, { kind: "version", schema: "0003_c.sql" })).toEqual(["0002 apply", "0003 apply"]);
  });

  test("a version that does not say what it was made for keeps the old shape; where nothing serves, nothing needs it", () => {
    expect(actions(files, new Set(["0001_a.sql"]), { kind: "version", schema: null })[0]).toBe("0002 wait");
    expect(actions(files, new Set(), { kind: "nothing" })).toEqual(["0001 apply", "0002 apply", "0003 apply"]);
  });

  test("what a newer checkout has run is named", () => {
    expect(planMigrations(files, new Set(["0009_z.sql"]), { kind: "nothing" }).unknown).toEqual(["0009_z.sql"]);
  });

  test("a contraction that ran stands between older code and its database", () => {
    const applied = new Set(files.map(({ name }) => name));
    expect(contractedSince(files, applied, "0001_a.sql")).toEqual(["0002_b.sql"]);
    expect(contractedSince(files, applied, "0002_b.sql")).toEqual([]);
    expect(contractedSince(files, new Set(["0001_a.sql"]), null)).toEqual([]);
  });
});

describe("on a database", () => {
  let file: DatabaseSync;
  let database: D1Connection;
  beforeEach(async () => {
    file = new DatabaseSync(":memory:");
    database = asOverRest(sqliteD1(file));
    for (const migration of readMigrations()) await applyMigration(database, migration);
    file.exec("INSERT INTO tenants (tenant, index_version, changed_at_ms) VALUES ('a', 1, 1), ('b', 1, 1)");
  });
  afterEach(() => file.close());
  const shape = () => JSON.stringify(file.prepare("SELECT name, sql FROM sqlite_schema ORDER BY name").all());
  const next = (...statements: string[]): Migration => ({
    name: "0999_next.sql",
    phase: "expand",
    statements,
    revert: { statements: ["DROP TABLE extra"] },
  });

  test("a migration runs with its record, not twice, and goes back by its written way", async () => {
    const before = shape();
    const migration = next(
      "CREATE TABLE extra (id INTEGER PRIMARY KEY)",
      "CREATE TRIGGER extra_kept BEFORE DELETE ON extra BEGIN SELECT RAISE(ABORT, 'kept; always'); END",
    );
    await applyMigration(database, migration);
    expect((await appliedMigrations(database)).at(-1)).toBe("0999_next.sql");
    await expect(applyMigration(database, migration)).rejects.toThrow("already exists");
    await revertMigration(database, migration);
    expect([shape(), (await appliedMigrations(database)).includes("0999_next.sql")]).toEqual([before, false]);
  });

  test("one that fails on the schema is named with its statement before the database is touched", async () => {
    const before = shape();
    const migration = next("CREATE TABLE extra (id INTEGER PRIMARY KEY)", "ALTER TABLE nowhere ADD COLUMN x");
    await expect(applyMigration(database, migration)).rejects.toThrow(
      /rehearse migration 0999_next.sql: statement 2 of 2 \(ALTER TABLE nowhere.*no such table/,
    );
    expect(shape()).toBe(before);
  });

  test("one that fails on the rows that are there leaves nothing and names its statement", async () => {
    const before = shape();
    const migration = next(
      "CREATE TABLE extra (id INTEGER PRIMARY KEY)",
      "CREATE INDEX extra_by_id ON extra (id)",
      "CREATE UNIQUE INDEX tenants_by_version ON tenants (index_version)",
      "CREATE TABLE later (id INTEGER PRIMARY KEY)",
    );
    await expect(applyMigration(database, migration)).rejects.toThrow(
      /apply migration 0999_next.sql: statement 3 of 4 \(CREATE UNIQUE INDEX tenants_by_version.*UNIQUE constraint failed/,
    );
    expect([shape(), (await appliedMigrations(database)).length]).toEqual([before, readMigrations().length]);
  });

  test("one without a way back is refused with its reason", async () => {
    await expect(
      revertMigration(database, { ...next(), revert: { none: "the column's values are gone" } }),
    ).rejects.toMatchObject({
      exit_code: 3,
      message: expect.stringContaining("values are gone"),
    });
  });
});

describe("the files", () => {
  let dir: string;
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), "migrations-"));
    await mkdir(join(dir, "revert"));
  });
  afterEach(() => rm(dir, { recursive: true }));

  test.each([
    ["without a phase", "CREATE TABLE a (id INTEGER PRIMARY KEY);", 'does not say "-- phase: expand"'],
    [
      "an expansion without a way back",
      "-- phase: expand\n-- no way back: lazy\nSELECT 1;",
      "revert/0001_a.sql is missing",
    ],
    ["a contraction without a way back or a reason", "-- phase: contract\nSELECT 1;", "no way back: <reason>"],
  ])("%s are refused", async (_, sql, message) => {
    await writeFile(join(dir, "0001_a.sql"), sql);
    expect(() => readMigrations(dir)).toThrow(message);
  });
});
