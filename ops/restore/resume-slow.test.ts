/** A restore that died goes on by `--resume`, which needs not be told what was being restored. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readMigrations } from "../../infra/migration-files.ts";
import { StackRig, undisturbed } from "../backup/torture/stack-rig.fixture.ts";
import { revertMigration } from "../migrate/ledger.ts";
import type { Passing } from "../storage/wire.fixture.ts";
import { liveStack } from "./stack-state.fixture.ts";

let rig: StackRig;
beforeAll(async () => {
  rig = await StackRig.start();
  await rig.putDocument("a", "Water rises from the ground.");
});
afterAll(() => rig.close());

/** Kills the command once the request has had its effect. */
async function killedAt(isMoment: (passing: Passing) => boolean, ...words: string[]): Promise<void> {
  rig.dies = true;
  rig.judge = (passing) => (isMoment(passing) ? { kind: "lose_answer" } : null);
  const { code } = await rig.ops(...words);
  rig.dies = false;
  rig.judge = undisturbed;
  expect(code).toBeNull();
}

async function expectNothingToResume(): Promise<void> {
  const { code, stdout } = await rig.ops("restore", "apply", "--resume", "--yes");
  expect(code).toBe(3);
  expect(JSON.parse(stdout).error.cause).toBe("none was interrupted");
}

test("a restore of a snapshot, though a newer one was made meanwhile", async () => {
  await expectNothingToResume();
  const { snapshot } = await rig.done("backup", "create");
  const before = await rig.state();
  await rig.putDocument("a", "Somebody wrote over it.");
  await killedAt(({ method, path }) => method === "POST" && path.endsWith("/d1/database"), "restore", "apply", "--yes");
  expect((await rig.done("backup", "create")).snapshot.id).not.toBe(snapshot.id);
  const named = await rig.ops("restore", "apply", snapshot.id, "--resume", "--yes");
  expect(named.code).toBe(2);
  expect((await rig.done("restore", "apply", "--resume", "--yes")).plan.source).toBe(snapshot.id);
  expect(await rig.state()).toEqual(before);
  await expectNothingToResume();
});

test("a move in time", async () => {
  const before = await rig.state();
  // Asks for a bookmark, so that the local platform keeps this state.
  await rig.done("backup", "create");
  const at = new Date().toISOString();
  await rig.putDocument("a", "Somebody wrote over it again.");
  await killedAt(({ path }) => path.includes("/time_travel/restore"), "restore", "apply", "--at", at, "--yes");
  const { plan } = await rig.done("restore", "apply", "--resume", "--yes");
  expect(plan).toMatchObject({ method: "time travel", state_at: at, tables: null, vector_count: null, bytes: null });
  expect(await rig.state()).toEqual(before);
  await expectNothingToResume();
});

/** The live database as a release before this one left it; the command refuses, for the Worker that serves says that it needs the migration. */
async function takeNewestBack(): Promise<void> {
  const { database } = await liveStack(rig.service.platform, rig.dir);
  const newest = readMigrations().at(-1);
  if (newest === undefined) throw new Error("there are no migrations");
  await revertMigration(database, newest);
}

/** Of this checkout, on the live database. */
async function migrationsMissing(): Promise<string[]> {
  const { migrations } = await rig.done("migrate", "list");
  return migrations.flatMap(({ name, state }: { name: string; state: string }) => (state === "applied" ? [] : [name]));
}

test("what goes on with a database that it had emptied, or moved back, still brings it to the schema that the Worker needs", async () => {
  await takeNewestBack();
  const { snapshot } = await rig.done("backup", "create");
  const at = new Date().toISOString();
  await rig.done("migrate", "apply", "--yes");
  await rig.putDocument("b", "Written after the migration.");

  const isEmptied = ({ body }: Passing) => Buffer.from(body).includes("DROP TABLE IF EXISTS");
  await killedAt(isEmptied, "restore", "apply", snapshot.id, "--in-place", "--yes");
  expect(await rig.done("restore", "apply", "--resume", "--yes")).toMatchObject({ plan: { in_place: true } });
  expect(await migrationsMissing()).toEqual([]);
  await rig.done("restore", "undo", "--yes");
  expect(await migrationsMissing()).toEqual([]);

  const isMoved = ({ path }: Passing) => path.includes("/time_travel/restore");
  await killedAt(isMoved, "restore", "apply", "--at", at, "--yes");
  expect((await rig.done("restore", "apply", "--resume", "--yes")).plan).toMatchObject({ method: "time travel" });
  expect(await migrationsMissing()).toEqual([]);

  // Once more, and the undo of it is what dies.
  await rig.done("backup", "create");
  await rig.done("restore", "apply", "--at", new Date().toISOString(), "--yes");
  await killedAt(isMoved, "restore", "undo", "--yes");
  await rig.done("restore", "undo", "--yes");
  expect(await migrationsMissing()).toEqual([]);
});

test("a release that was deployed in between finds its migrations in the new generation as well", async () => {
  await takeNewestBack();
  const { snapshot } = await rig.done("backup", "create");
  // The new database is filled and compared, the index is not.
  const isFilled = ({ path, body }: Passing) =>
    path.includes("/generations/switch.json") && Buffer.from(body).includes('"copied":true');
  await killedAt(isFilled, "restore", "apply", snapshot.id, "--yes");
  await rig.done("migrate", "apply", "--yes");
  await rig.done("restore", "apply", "--resume", "--yes");
  expect(await migrationsMissing()).toEqual([]);
});

test("from a repository elsewhere, with a key elsewhere: the command that is advised goes on as it is printed", async () => {
  const [vault, keys] = [join(rig.dir, "vault"), join(rig.dir, "safe")];
  const { snapshot } = await rig.done("backup", "create", "--repository", vault, "--init", keys);
  const escrow = join(keys, readdirSync(keys).find((name) => name.includes("escrow")) ?? "");
  const from = ["--repository", vault, "--key-file", escrow];
  const isBegun = ({ method, path }: Passing) => method === "PUT" && path.includes("/generations/switch.json");
  await killedAt(isBegun, "restore", "apply", ...from, "--yes");
  const { hint } = JSON.parse((await rig.ops("generation", "resume", "--dry-run")).stdout).error;
  const [, words = ""] = /npm run ops -- (restore apply .*?) goes on with it/.exec(hint) ?? [];
  expect((await rig.done(...words.split(" "))).plan.source).toBe(snapshot.id);
  await expectNothingToResume();
});
