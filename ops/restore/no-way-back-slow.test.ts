/** What a restore says of its undo, where there is nothing to go back to. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { runCli } from "../command/run-cli.fixture.ts";
import { UNDO_WINDOW_MS } from "../limits.ts";
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

test("what is left of lost stores, such as what the deployment made again, ends seven days later, and is no way back", async () => {
  expect(await stack.ops("generation", "undo", "all", "--yes")).toMatchObject({ code: 3 });
  const { database, vectors, undo } = await stack.ops("generation", "list");
  expect([database, vectors, undo]).toMatchObject([
    { live: 2, generations: [{ generation: 1 }, {}] },
    { live: 2, generations: [{ generation: 1 }, {}] },
    { database: null, vectors: null },
  ]);
  expect(await stack.ops("generation", "drop", "--expired", "--yes")).toMatchObject({ code: 0, expired: [] });
  const bucket = await stack.service.platform.runtime.r2("prism-vectors");
  for (const store of ["database", "vectors"]) {
    const key = `generations/undo-${store}.json`;
    const way = JSON.parse((await (await bucket.get(key))?.text()) ?? "{}");
    await bucket.put(key, JSON.stringify({ ...way, at_ms: way.at_ms - UNDO_WINDOW_MS }));
  }
  expect(await stack.ops("generation", "drop", "--expired", "--yes")).toMatchObject({
    code: 0,
    expired: [
      { store: "database", generation: 1 },
      { store: "vectors", generation: 1 },
    ],
  });
  expect((await stack.service.call("GET", "/api/v1/documents/spring")).status).toBe(200);
});
