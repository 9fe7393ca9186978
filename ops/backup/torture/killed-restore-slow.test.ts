/** `kill -9` of a restore at every write. */
import { afterAll, expect, test } from "vitest";
import { EXTENT_TIMEOUT_MS as timeout } from "./extent.fixture.ts";
import { KilledStack } from "./killed.fixture.ts";

const stack = new KilledStack();
afterAll(() => stack.close());

test.each([
  ["a restore", []],
  // It goes on with a live database that may hold nothing by then.
  ["a restore in place", ["--in-place"]],
])("%s that was killed goes on when it is typed again, to the state of the snapshot", { timeout }, async (_, how) => {
  const words = ({ snapshot }: { snapshot: string }) => ["restore", "apply", snapshot, ...how, "--yes"];
  await stack.atEveryWrite({
    words,
    async prepare() {
      const { snapshot } = await stack.rig.done("backup", "create");
      const before = await stack.rig.state();
      await stack.rig.service.call("DELETE", "/api/v1/documents/b");
      await stack.rig.putDocument("a", "Somebody wrote over it.");
      await stack.rig.putConfig("flag", "off");
      return { snapshot: snapshot.id, before };
    },
    async check({ snapshot, before }) {
      await stack.rig.done(...words({ snapshot }));
      expect(await stack.rig.state()).toEqual(before);
      expect((await stack.rig.service.call("GET", "/api/v1/documents/b")).status).toBe(200);
    },
  });
});
