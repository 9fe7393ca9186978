/** Part of a game day as a person starts it: what CI plays of it with every change. */
import { expect, test } from "vitest";
import { runCli } from "../command/run-cli.fixture.ts";

test("a poison message and a client who does not wait are told within five minutes and mended by their runbooks, and nothing is lost", async () => {
  const run = await runCli(["gameday", "--fault", "poison-message", "--fault", "abusive-client", "--json"]);
  const { faults, shortfalls, coverage } = JSON.parse(run.stdout);
  expect({ shortfalls, code: run.code }).toEqual({ shortfalls: [], code: 0 });
  expect(faults.map(({ id }: { id: string }) => id)).toEqual(["poison-message", "abusive-client"]);
  for (const { promised, requests, steps } of faults) {
    expect(promised).toBeGreaterThan(20);
    expect(requests).toBeGreaterThan(50);
    expect(steps.length).toBeGreaterThan(2);
  }
  expect(coverage).toMatchObject({ with_fault: 2, with_runbook: 2 });
});
