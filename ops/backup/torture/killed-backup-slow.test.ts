/** `kill -9` of backup, prune and vacuum at every write. */
import { afterAll, expect, test } from "vitest";
import { EXTENT_TIMEOUT_MS as timeout } from "./extent.fixture.ts";
import { KilledStack } from "./killed.fixture.ts";

const stack = new KilledStack();
afterAll(() => stack.close());

test("a killed backup harms no snapshot, and the next one is right", { timeout }, async () => {
  await stack.atEveryWrite({
    words: () => ["backup", "create"],
    prepare: () => stack.change(),
    async check() {
      const { tables } = await stack.rig.done("backup", "create");
      const state = await stack.rig.state();
      for (const { name, rows, digest } of tables)
        if (`table ${name}` in state) expect(`${name} ${rows} ${digest}`).toBe(`${name} ${state[`table ${name}`]}`);
      await stack.expectWhole();
    },
  });
});

/** Objects that nothing needs: of killed backups, whose work is kept for a week. */
async function unreferenced(): Promise<number> {
  return (await stack.rig.repository((repository) => repository.verifyStructure())).unreferenced;
}

test("a killed prune keeps what is to stay, and ends when it is typed again", { timeout }, async () => {
  const prune = ["backup", "prune", "--daily", "1", "--weekly", "0", "--monthly", "0", "--yearly", "0", "--yes"];
  await stack.atEveryWrite({
    words: () => prune,
    async prepare() {
      await stack.change();
      await stack.rig.done("backup", "create");
      return await unreferenced();
    },
    async check(before) {
      await stack.rig.done(...prune);
      await stack.expectWhole();
      expect(await unreferenced()).toBeLessThanOrEqual(before);
    },
  });
});

test("a killed vacuum loses nothing, and ends when it is typed again", { timeout }, async () => {
  await stack.atEveryWrite({
    words: () => ["vacuum"],
    async prepare() {
      await stack.change();
      await stack.rig.done("backup", "create");
      return await stack.content();
    },
    async check(before) {
      await stack.rig.done("vacuum");
      expect(await stack.content()).toEqual(before);
      expect((await stack.rig.service.call("GET", "/api/v1/documents/changing")).status).toBe(200);
    },
  });
});
