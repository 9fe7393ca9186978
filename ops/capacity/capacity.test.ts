import { expect, test } from "vitest";
import { runCli } from "../command/run-cli.fixture.ts";

test("no plan is made for searches that are faster than any is", async () => {
  const { code, stderr } = await runCli(["capacity", "--latency-ms", "2"]);
  expect(code).toBe(2);
  expect(stderr).toMatch(/any search takes its database 9 ms.*--latency-ms/s);
});
