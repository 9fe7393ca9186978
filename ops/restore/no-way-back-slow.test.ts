/** What a restore says of its undo, where there is nothing to go back to. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { runCli } from "../command/run-cli.fixture.ts";
import { LostStack } from "./lost-stack.fixture.ts";
import { destroyStores } from "./stack-state.fixture.ts";

let stack: LostStack;
beforeAll(async () => {
  stack = await LostStack.start();
});
afterAll(() => stack.close());

test("a restore whose plan says that it cannot be undone does not end with the way to undo it", async () => {
  await stack.put([{ id: "spring", title: "Spring", text: "Water rises from the ground at a spring." }]);
  expect(await stack.ops("backup", "create")).toMatchObject({ code: 0 });
  await destroyStores(stack.service.platform, stack.dir);
  const { code, stdout, stderr } = await runCli(["restore", "apply", "--yes", "--data", stack.dir]);
  expect({ code, stderr }).toMatchObject({ code: 0, stderr: expect.stringContaining("this cannot be undone") });
  expect(stdout).not.toContain("restore undo");
  expect(stdout).toContain("cannot be undone");
  expect(await stack.ops("restore", "undo", "--yes")).toMatchObject({ code: 3 });
});
