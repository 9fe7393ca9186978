/** Databases of random tables, indexes, triggers, views, full-text indexes and foreign keys, backed up twice and restored, compared in real SQLite. */
import { DatabaseSync } from "node:sqlite";
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  checks,
  contents,
  longRows,
  nastyDatabase,
  type TablePlan,
  tablePlan,
} from "../../d1/nasty-database.fixture.ts";
import { sqliteD1 } from "../../d1/sqlite-connection.ts";
import { EXTENT_TIMEOUT_MS, TRIES_ALL } from "./extent.fixture.ts";
import { Vault } from "./vault.fixture.ts";

const RUNS = TRIES_ALL ? 500 : 12;

/** What hangs on a table, besides its rows. `t` is the table's name. */
const INDEXES = [
  () => "",
  (t: string) => `CREATE INDEX ${t}_partial ON ${t} (c0) WHERE c0 IS NOT NULL AND typeof(c0) <> 'blob'`,
  (t: string) => `CREATE INDEX ${t}_expression ON ${t} (typeof(c0), length(c0) DESC)`,
  (t: string) => `CREATE INDEX "${t} ""odd"" name" ON ${t} (c0 COLLATE NOCASE, c0 COLLATE RTRIM DESC)`,
  (t: string) => `CREATE UNIQUE INDEX ${t}_unique ON ${t} (c0, hex(c0)) WHERE c0 > 0`,
];
const TRIGGERS = [
  () => "",
  (t: string) =>
    `CREATE TABLE ${t}_seen (what, times INTEGER); CREATE TRIGGER ${t}_in AFTER INSERT ON ${t} BEGIN INSERT INTO ${t}_seen VALUES (new.c0, 1); END`,
  (t: string) =>
    `CREATE TRIGGER ${t}_no BEFORE INSERT ON ${t} BEGIN SELECT CASE WHEN 1 THEN RAISE(ABORT, 'no; more') END; END`,
  (t: string) => `CREATE TRIGGER ${t}_out AFTER DELETE ON ${t} WHEN old.c0 IS NULL BEGIN SELECT 1; SELECT 2; END`,
  (t: string) =>
    `CREATE VIEW ${t}_view AS SELECT c0 AS "a ""b" FROM ${t} WHERE c0 <> ';'; CREATE TRIGGER ${t}_instead INSTEAD OF INSERT ON ${t}_view BEGIN INSERT INTO ${t} (c0) VALUES (new."a ""b"); END`,
];
const TEXTS = [
  () => "",
  (t: string) =>
    `CREATE TABLE ${t}_text (id INTEGER PRIMARY KEY, a TEXT, b TEXT); INSERT INTO ${t}_text VALUES (3, 'red doors', 'ä'), (-9, 'running home', NULL), (9007199254740993, 'far', 'door');
     CREATE VIRTUAL TABLE ${t}_fts USING fts5 (a, b UNINDEXED, content='${t}_text', content_rowid='id', tokenize='porter unicode61 remove_diacritics 2');
     INSERT INTO ${t}_fts (${t}_fts) VALUES ('rebuild');
     CREATE TRIGGER ${t}_text_in AFTER INSERT ON ${t}_text BEGIN INSERT INTO ${t}_fts (rowid, a, b) VALUES (new.id, new.a, new.b); END`,
  (t: string) =>
    `CREATE VIRTUAL TABLE ${t}_own USING fts5 (x, prefix='2 3', columnsize=1); INSERT INTO ${t}_own (rowid, x) VALUES (5, 'some words'), (2, '')`,
];
const RINGS = [
  () => "",
  (t: string) =>
    `CREATE TABLE ${t}_egg (id INTEGER PRIMARY KEY AUTOINCREMENT, hen INTEGER NOT NULL REFERENCES ${t}_hen (id) ON DELETE CASCADE);
     CREATE TABLE ${t}_hen (id INTEGER PRIMARY KEY, egg INTEGER NOT NULL REFERENCES ${t}_egg (id) ON UPDATE SET NULL);
     BEGIN; PRAGMA defer_foreign_keys = on; INSERT INTO ${t}_egg VALUES (1, 7), (50, 8); INSERT INTO ${t}_hen VALUES (7, 50), (8, 1); COMMIT;
     INSERT INTO ${t}_egg (hen) VALUES (7); DELETE FROM ${t}_egg WHERE id = 51`,
  (t: string) =>
    `CREATE TABLE ${t}_tree (name TEXT PRIMARY KEY, above TEXT REFERENCES ${t}_tree (name) ON DELETE SET NULL) WITHOUT ROWID;
     BEGIN; PRAGMA defer_foreign_keys = on; INSERT INTO ${t}_tree VALUES ('a', 'z'), ('m', 'a'), ('z', 'm'), ('root', 'root'); COMMIT`,
];
/** What happens between the two backups. */
const CHANGES = [
  (t: string) => `DELETE FROM ${t} WHERE c0 IS NULL OR typeof(c0) = 'text'`,
  (t: string) => `UPDATE ${t} SET c0 = 'x' || c0 WHERE typeof(c0) = 'integer'`,
  (t: string) => `CREATE TABLE ${t}_later (a PRIMARY KEY, b); INSERT INTO ${t}_later VALUES (1.5, x'00')`,
  (t: string) => `ALTER TABLE ${t} ADD COLUMN added TEXT DEFAULT 'd;d'`,
  (t: string) => `DROP TABLE ${t}`,
];

interface Surroundings {
  plan: TablePlan;
  extras: ((t: string) => string)[];
  change: (t: string) => string;
}

const surroundings: fc.Arbitrary<Surroundings> = fc.record({
  plan: tablePlan,
  extras: fc.tuple(
    fc.constantFrom(...INDEXES),
    fc.constantFrom(...TRIGGERS),
    fc.constantFrom(...TEXTS),
    fc.constantFrom(...RINGS),
  ),
  change: fc.constantFrom(...CHANGES),
});

/** Runs what the rows allow. */
function attempt(database: DatabaseSync, sql: string): void {
  try {
    database.exec(sql);
  } catch (error) {
    if (!/constraint|no; more|cannot store|mismatch|STRICT|generated|error in (view|trigger)/i.test(String(error)))
      throw error;
  }
}

async function restored(vault: Vault, id: string): Promise<DatabaseSync> {
  const target = new DatabaseSync(":memory:");
  await vault.load(id, sqliteD1(target));
  return target;
}

test(`databases of ${RUNS} random schemas survive two backups and their restores unchanged`, {
  timeout: EXTENT_TIMEOUT_MS,
}, async () => {
  let tables = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(surroundings, { minLength: 1, maxLength: 3 }), async (all) => {
      const source = nastyDatabase(all.map(({ plan }) => plan));
      for (const [place, { extras }] of all.entries()) for (const extra of extras) attempt(source, extra(`t${place}`));
      const vault = await Vault.make(Date.now, undefined, source);
      source.close();
      try {
        const first = { id: (await vault.take()).info.id, was: contents(vault.database) };
        for (const [place, { change }] of all.entries()) attempt(vault.database, change(`t${place}`));
        const second = { id: (await vault.take()).info.id, was: contents(vault.database) };
        for (const { id, was } of [second, first]) {
          const target = await restored(vault, id);
          expect(contents(target)).toEqual(was);
          expect(checks(target)).toEqual(["ok"]);
          target.close();
        }
        tables += vault.database.prepare("SELECT count(*) AS n FROM sqlite_schema WHERE type = 'table'").get()
          ?.n as number;
      } finally {
        vault.remove();
      }
    }),
    { numRuns: RUNS },
  );
  console.log(`${RUNS} random schemas with ${tables} tables in all: restored twice each, 0 differences`);
});

test("rows as long as D1 allows survive, and tables as wide", { timeout: 120_000 }, async () => {
  const source = longRows();
  const vault = await Vault.make(Date.now, undefined, source);
  const target = await restored(vault, (await vault.take()).info.id);
  expect(contents(target)).toEqual(contents(source));
  vault.remove();
});
