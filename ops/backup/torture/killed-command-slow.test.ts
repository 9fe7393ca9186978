/** `kill -9` of every command at every request with which it changes something, on a whole stack; then it is typed again. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { readManifest } from "../manifest.ts";
import { restoreIntoScratch } from "../restore/scratch-restore.ts";
import type { Passing } from "../storage/wire.fixture.ts";
import { spread, TRIES_ALL, tried } from "./extent.fixture.ts";
import { StackRig, undisturbed } from "./stack-rig.fixture.ts";
import { type DeathPoint, deathAt, deathPoints } from "./writes.fixture.ts";

/** Points in the run of `npm test`. */
const FEW = 1;
/** Restores and rebuilds leave generations behind: after so many points the next stack is begun. */
const POINTS_PER_STACK = 10;
const timeout = TRIES_ALL ? 7_200_000 : 600_000;
let rig: StackRig;
let points_here = 0;

beforeAll(() => begin());
afterAll(() => rig.close());

async function begin(): Promise<void> {
  rig = await StackRig.start();
  points_here = 0;
  for (const id of ["a", "b", "c"])
    await rig.putDocument(id, `# ${id}\n\nWater rises from the ground at spring ${id}. `.repeat(5));
  await rig.putConfig("flag", "on");
  await rig.done("backup", "create");
}

async function next(): Promise<void> {
  points_here += 1;
  if (points_here <= POINTS_PER_STACK) return;
  await rig.close();
  await begin();
}

/** Runs the command and kills it at the point. The writes that it came to; whether it was killed. */
async function killed(
  point: DeathPoint | null,
  words: readonly string[],
): Promise<{ writes: Passing[]; isKilled: boolean }> {
  const writes: Passing[] = [];
  rig.dies = true;
  rig.judge = deathAt(point, (passing) => writes.push(passing));
  const { code, stdout, stderr } = await rig.ops(...words);
  rig.dies = false;
  rig.judge = undisturbed;
  if (code !== null && code !== 0) throw new Error(`it was not killed, but failed (${code}): ${stdout}\n${stderr}`);
  return { writes, isKilled: code === null };
}

async function atEveryWrite<T>(
  words: (prepared: T) => string[],
  prepare: () => Promise<T>,
  check: (prepared: T) => Promise<void>,
): Promise<void> {
  const prepared = await prepare();
  const unbroken = await killed(null, words(prepared));
  await check(prepared);
  const points = deathPoints(unbroken.writes);
  const chosen = spread(points, FEW + 2).slice(...(TRIES_ALL ? [] : [1, -1]));
  let kills = 0;
  for (const point of chosen) {
    await next();
    const made = await prepare();
    if ((await killed(point, words(made))).isKilled) kills += 1;
    await check(made).catch((error: unknown) => {
      throw new Error(`killed ${point.phase} write ${point.write} (${point.what}): ${String(error)}`, { cause: error });
    });
  }
  console.log(`ops ${words(prepared).slice(0, 2).join(" ")} killed at ${tried(kills, points.length, "points")}`);
  expect(points.length).toBeGreaterThan(8);
  expect(kills).toBeGreaterThan(chosen.length * 0.9);
}

/** The newest snapshot is whole, and loads into SQLite as it says. */
async function expectWhole(): Promise<void> {
  await rig.repository(async (repository) => {
    const { findings } = await repository.verifyData(100);
    expect(findings.filter(({ severity }) => severity === "damage")).toEqual([]);
    const snapshot = await repository.openSnapshot("latest");
    const hooks = { signal: new AbortController().signal, on_step: () => {}, on_rows: () => {} };
    expect((await restoreIntoScratch(snapshot, await readManifest(snapshot), hooks)).differences).toEqual([]);
  });
}

/** Objects that nothing needs: of killed backups, whose work is kept for a week. */
async function unreferenced(): Promise<number> {
  return (await rig.repository((repository) => repository.verifyStructure())).unreferenced;
}

async function expectBackedUp(): Promise<void> {
  const { tables } = await rig.done("backup", "create");
  const state = await rig.state();
  for (const { name, rows, digest } of tables)
    if (`table ${name}` in state) expect(`${name} ${rows} ${digest}`).toBe(`${name} ${state[`table ${name}`]}`);
  await expectWhole();
}

let number = 0;

test("a killed backup harms no snapshot, and the next one is right", { timeout }, async () => {
  await atEveryWrite(
    () => ["backup", "create"],
    async () => {
      number += 1;
      await rig.putDocument("changing", `The number is ${number} now.`);
    },
    expectBackedUp,
  );
});

test("a killed restore goes on when it is typed again, to the state of the snapshot", { timeout }, async () => {
  await atEveryWrite(
    ({ snapshot }) => ["restore", "apply", snapshot, "--yes"],
    async () => {
      const { snapshot } = await rig.done("backup", "create");
      const before = await rig.state();
      await rig.service.call("DELETE", "/api/v1/documents/b");
      await rig.putDocument("a", "Somebody wrote over it.");
      await rig.putConfig("flag", "off");
      return { snapshot: snapshot.id, before };
    },
    async ({ snapshot, before }) => {
      await rig.done("restore", "apply", snapshot, "--yes");
      expect(await rig.state()).toEqual(before);
      expect((await rig.service.call("GET", "/api/v1/documents/b")).status).toBe(200);
    },
  );
});

test("a killed prune keeps what is to stay, and ends when it is typed again", { timeout }, async () => {
  const prune = ["backup", "prune", "--daily", "1", "--weekly", "0", "--monthly", "0", "--yearly", "0", "--yes"];
  await atEveryWrite(
    () => prune,
    async () => {
      number += 1;
      await rig.putDocument("changing", `The number is ${number} now.`);
      await rig.done("backup", "create");
      return await unreferenced();
    },
    async (before) => {
      await rig.done(...prune);
      await expectWhole();
      expect(await unreferenced()).toBeLessThanOrEqual(before);
    },
  );
});

/** Without the packs' table, in which a vacuum notes which of them nothing points to any more. */
async function content(): Promise<Record<string, string>> {
  const { "table packs": _, ...rest } = await rig.state();
  return rest;
}

test("a killed rebuild loses nothing, and ends when it is typed again", { timeout }, async () => {
  const rebuild = ["vacuum", "--rebuild", "--yes"];
  await atEveryWrite(
    () => rebuild,
    async () => {
      number += 1;
      await rig.putDocument("changing", `The number is ${number} now.`);
      await rig.done("backup", "create");
      await rig.done("backup", "verify");
      return await content();
    },
    async (before) => {
      const again = await rig.ops(...rebuild);
      expect(await content()).toEqual(before);
      if (again.code === 0) return;
      // It was done already; once more takes a snapshot of the new database, as it says.
      expect(again).toMatchObject({ code: 3, stdout: expect.stringContaining("npm run ops -- backup create") });
      await rig.done("backup", "create");
      await rig.done("backup", "verify");
      await rig.done(...rebuild);
      expect(await content()).toEqual(before);
    },
  );
});
