/** A restore that died goes on by `--resume`, which needs not be told what was being restored. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { StackRig, undisturbed } from "../backup/torture/stack-rig.fixture.ts";
import type { Passing } from "../storage/wire.fixture.ts";

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
