import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import fc from "fast-check";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import {
  TIME_TRAVEL_RESTORE_WINDOW_MS,
  TIME_TRAVEL_RESTORES_PER_WINDOW,
  TIME_TRAVEL_WINDOW_MS,
} from "../infra/cloudflare-limits.ts";
import { TIME_TRAVEL_SNAPSHOTS_MAX } from "./limits.ts";
import { Registry } from "./registry.ts";
import { type RestUnderTest, startRest } from "./rest/rest-server.fixture.ts";
import { TimeTravel } from "./time-travel.ts";
import { bookmarkAt, bookmarkTime_ms, type Snapshot, surplusSnapshots } from "./time-travel-bookmarks.ts";

let rest: RestUnderTest;
beforeAll(async () => {
  rest = await startRest();
});
afterAll(() => rest.close());

const newDatabase = async (name: string) => {
  const id = (await rest.client.d1.database.create({ account_id: rest.account_id, name })).uuid ?? "";
  const query = async (sql: string) => (await rest.call("POST", `/d1/database/${id}/query`, { sql })).body;
  const numbers = async () =>
    (await query("SELECT n FROM t ORDER BY n")).result[0].results.map(({ n }: { n: number }) => n) as number[];
  const bookmark = async (timestamp?: string) =>
    (
      await rest.client.d1.database.timeTravel.getBookmark(id, {
        account_id: rest.account_id,
        ...(timestamp ? { timestamp } : {}),
      })
    ).bookmark ?? "";
  const restore = (to: { bookmark: string } | { timestamp: string }) =>
    rest.client.d1.database.timeTravel.restore(id, { account_id: rest.account_id, ...to });
  return { id, query, numbers, bookmark, restore };
};
const time = (offset_ms = 0) => new Date(rest.engine.now() + offset_ms).toISOString();

test("a restore brings back the state of a bookmark, and previous_bookmark undoes it", async () => {
  const db = await newDatabase("undo");
  await db.query("CREATE TABLE t (n); INSERT INTO t VALUES (1)");
  const before = await db.bookmark();
  expect(before).toMatch(/^[0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{32}$/);
  await db.query("INSERT INTO t VALUES (2)");
  const restored = await db.restore({ bookmark: before });
  expect(await db.numbers()).toEqual([1]);
  const order = [before, restored.previous_bookmark, restored.bookmark];
  expect(order.toSorted()).toEqual(order);
  await db.query("INSERT INTO t VALUES (3)");
  await db.restore({ bookmark: restored.previous_bookmark ?? "" });
  expect(await db.numbers()).toEqual([1, 2]);
});

test("a timestamp restores the newest state at or before it, down to the empty database", async () => {
  const db = await newDatabase("by-time");
  const born = time();
  rest.engine.clock_offset_ms += 60_000;
  await db.query("CREATE TABLE t (n); INSERT INTO t VALUES (1)");
  await rest.timeTravel.snapshotAll();
  const one = time();
  rest.engine.clock_offset_ms += 60_000;
  await db.query("INSERT INTO t VALUES (2)");
  await rest.timeTravel.snapshotAll();
  rest.engine.clock_offset_ms += 60_000;
  await db.restore({ timestamp: one });
  expect(await db.numbers()).toEqual([1]);
  await db.restore({ timestamp: born });
  expect((await db.query("SELECT * FROM t")).errors[0]?.message).toMatch(/no such table/);
});

test("an unchanged database keeps its bookmark", async () => {
  const db = await newDatabase("still");
  await db.query("CREATE TABLE t (n)");
  expect(await db.bookmark()).toBe(await db.bookmark());
});

test("bookmarks in the future, before the database existed or unknown are refused with code 7500", async () => {
  const db = await newDatabase("bounds");
  for (const timestamp of [time(3_600_000), time(-TIME_TRAVEL_WINDOW_MS - 1), "1999-01-01T00:00:00Z"])
    await expect(db.bookmark(timestamp)).rejects.toMatchObject({ status: 400, errors: [{ code: 7500 }] });
  await expect(db.restore({ bookmark: bookmarkAt(1, 1, "ab") })).rejects.toThrow(/no history available/);
  await expect(db.bookmark("yesterday")).rejects.toMatchObject({ errors: [{ code: 7400 }] });
});

/** Without an engine: one database, a plain file. */
function ofOneFile(now: () => number) {
  const registry = new Registry(":memory:");
  const created_at = new Date(0).toISOString();
  const read_replication = { mode: "auto" } as const;
  registry.put("d1", "db", { uuid: "db", name: "db", created_at, version: "production", read_replication });
  const dir = mkdtempSync(join(tmpdir(), "prism-travel-"));
  const file = join(dir, "db.sqlite");
  const engine = { registry, now, d1File: () => file, exclusively: <T>(work: () => Promise<T>) => work() };
  return { timeTravel: new TimeTravel({ engine, dir }), dir, file };
}

test("the eleventh restore in ten minutes is refused", async () => {
  let now_ms = 1_000_000;
  const { timeTravel, dir } = ofOneFile(() => now_ms);
  const bookmark = await timeTravel.bookmarkNow("db");
  for (let i = 0; i < TIME_TRAVEL_RESTORES_PER_WINDOW; i++) await timeTravel.restore("db", bookmark);
  await expect(timeTravel.restore("db", bookmark)).rejects.toThrow(/too many restores/);
  now_ms += TIME_TRAVEL_RESTORE_WINDOW_MS;
  await timeTravel.restore("db", bookmark);
  await timeTravel.close();
  rmSync(dir, { recursive: true });
});

test("snapshots are states that existed, however often a writer begins its log anew", async () => {
  const { timeTravel, dir, file } = ofOneFile(Date.now);
  // A process of its own, as workerd is: locks on files hold between processes.
  const program = `const { DatabaseSync } = require("node:sqlite");
    const database = new DatabaseSync(${JSON.stringify(file)}, { timeout: 10_000 });
    database.exec("PRAGMA journal_mode = wal; PRAGMA synchronous = off; PRAGMA wal_autocheckpoint = 40; CREATE TABLE t (k INTEGER PRIMARY KEY, n, filler)");
    database.exec("INSERT INTO t SELECT value, 0, randomblob(3000) FROM json_each('[" + Array.from({ length: 400 }, (_, k) => k) + "]')");
    console.log("ready");
    for (let n = 1; ; n++) database.exec("BEGIN; UPDATE t SET n = " + n + ", filler = randomblob(3000) WHERE k % 40 = " + (n % 40) + "; UPDATE t SET n = " + n + " WHERE k = 399; COMMIT; PRAGMA wal_checkpoint(PASSIVE)");`;
  const writer = spawn(process.execPath, ["-e", program], { stdio: ["ignore", "pipe", "inherit"] });
  onTestFinished(() => void writer.kill("SIGKILL"));
  await once(writer.stdout, "data");
  // On a busy machine the writer does not get its turn between any two of them.
  const bookmarks = new Set<string>();
  while (bookmarks.size < 40) bookmarks.add(await timeTravel.bookmarkNow("db"));
  writer.kill("SIGKILL");
  await once(writer, "exit");
  // The last bookmark's copy is made behind its answer.
  await timeTravel.close();
  const states = readdirSync(join(dir, "db")).toSorted();
  expect(states.length).toBeGreaterThan(30);
  let before = 0;
  for (const name of states) {
    const state = new DatabaseSync(join(dir, "db", name));
    expect(state.prepare("PRAGMA integrity_check").get()).toEqual({ integrity_check: "ok" });
    const { latest } = state.prepare("SELECT n AS latest FROM t WHERE k = 399").get() as { latest: number };
    // What the last transactions wrote is all there: each of forty groups has its own latest number.
    const groups = state.prepare("SELECT k % 40 AS g, min(n) AS low, max(n) AS high FROM t WHERE k <> 399 GROUP BY g");
    for (const { g, low, high } of groups.all() as { g: number; low: number; high: number }[]) {
      const due = latest < g ? 0 : latest - ((latest - g) % 40);
      expect([low, high]).toEqual([due, due]);
    }
    expect(latest).toBeGreaterThanOrEqual(before);
    before = latest;
    state.close();
  }
  rmSync(dir, { recursive: true });
});

test("what is written after a bookmark was answered is not in it", async () => {
  const { timeTravel, dir, file } = ofOneFile(Date.now);
  const database = new DatabaseSync(file);
  database.exec(
    "PRAGMA journal_mode = wal; PRAGMA synchronous = off; PRAGMA wal_autocheckpoint = 0; CREATE TABLE t (n, filler)",
  );
  const write = (n: number) =>
    database.exec(`INSERT INTO t VALUES (${n}, zeroblob(1000000)); PRAGMA wal_checkpoint(PASSIVE)`);
  for (let n = 0; n < 20; n++) write(n);
  // A log that the file lacks, one that it has, and none.
  for (const checkpoint of ["", "PRAGMA wal_checkpoint(PASSIVE)", "PRAGMA wal_checkpoint(TRUNCATE)"]) {
    database.exec(`UPDATE t SET filler = randomblob(1000000); ${checkpoint}`);
    const { before } = database.prepare("SELECT count(*) AS before FROM t").get() as { before: number };
    const bookmark = await timeTravel.bookmarkNow("db");
    for (let n = 0; n < 20; n++) write(n);
    await timeTravel.snapshotAll();
    const state = new DatabaseSync(join(dir, "db", `${bookmark}.asked.sqlite`));
    expect(state.prepare("SELECT count(*) AS before FROM t").get()).toEqual({ before });
    state.close();
  }
  database.close();
  await timeTravel.close();
  rmSync(dir, { recursive: true });
});

test("snapshots taken beside a writing Worker are whole transactions", async () => {
  const db = await newDatabase("busy");
  await db.query("CREATE TABLE t (n); CREATE TABLE u (n)");
  let writing = true;
  const writer = (async () => {
    for (let n = 0; writing; n++) await db.query(`INSERT INTO t VALUES (${n}); INSERT INTO u VALUES (${n})`);
  })();
  const bookmarks = [];
  for (let i = 0; i < 5; i++) bookmarks.push(await db.bookmark());
  writing = false;
  await writer;
  await db.restore({ bookmark: bookmarks.at(-1) ?? "" });
  expect(
    (await db.query("SELECT (SELECT count(*) FROM t) = (SELECT count(*) FROM u) AS same")).result[0].results,
  ).toEqual([{ same: 1 }]);
});

test("bookmarks sort as their times and sequences do, and carry the time", () => {
  const moment = fc.tuple(fc.nat({ max: 2 ** 45 }), fc.nat({ max: 1000 }));
  fc.assert(
    fc.property(moment, moment, ([a, i], [b, j]) => {
      expect(bookmarkTime_ms(bookmarkAt(a, i, "f"))).toBe(a);
      const order = Math.sign(a - b || i - j);
      const [left, right] = [bookmarkAt(a, i, ""), bookmarkAt(b, j, "")];
      expect(left < right ? -1 : left > right ? 1 : 0).toBe(order);
    }),
  );
});

test("thinning keeps the newest, everything of the last ten minutes, asked ones first, and stays within the bound", () => {
  const now_ms = TIME_TRAVEL_WINDOW_MS * 10;
  const history = fc.array(fc.record({ age_ms: fc.nat({ max: TIME_TRAVEL_WINDOW_MS * 2 }), asked: fc.boolean() }), {
    maxLength: 150,
  });
  fc.assert(
    fc.property(history, (ages) => {
      const snapshots = ages
        .map(
          ({ age_ms, asked }, i): Snapshot => ({
            bookmark: `b${i}`,
            at_ms: now_ms - age_ms,
            sequence: i,
            bytes: 1,
            asked,
            file: "",
          }),
        )
        .toSorted((a, b) => a.at_ms - b.at_ms);
      const surplus = new Set(surplusSnapshots(snapshots, now_ms));
      const kept = snapshots.filter((one) => !surplus.has(one));
      expect(kept.length).toBeLessThanOrEqual(TIME_TRAVEL_SNAPSHOTS_MAX);
      if (snapshots.length > 0) expect(kept).toContain(snapshots.at(-1));
      const inWindow = snapshots.filter(({ at_ms }) => at_ms >= now_ms - TIME_TRAVEL_WINDOW_MS);
      if (inWindow.length <= TIME_TRAVEL_SNAPSHOTS_MAX)
        for (const one of inWindow) if (one.asked) expect(kept).toContain(one);
    }),
  );
});
