/** `kill -9` of `vacuum --rebuild` at every write. */
import { afterAll, expect, test } from "vitest";
import { EXTENT_TIMEOUT_MS as timeout } from "./extent.fixture.ts";
import { KilledStack } from "./killed.fixture.ts";

const stack = new KilledStack();
afterAll(() => stack.close());

test("a killed rebuild loses nothing, and ends when it is typed again", { timeout }, async () => {
  const rebuild = ["vacuum", "--rebuild", "--yes"];
  await stack.atEveryWrite({
    words: () => rebuild,
    async prepare() {
      await stack.change();
      await stack.rig.done("backup", "create");
      await stack.rig.done("backup", "verify");
      return await stack.content();
    },
    async check(before) {
      const again = await stack.rig.ops(...rebuild);
      expect(await stack.content()).toEqual(before);
      // Where it was done already, once more takes a snapshot of the new database, as it says.
      if (again.code !== 0)
        expect(again).toMatchObject({ code: 3, stdout: expect.stringContaining("npm run ops -- backup create") });
    },
  });
});
