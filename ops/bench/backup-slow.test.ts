import { expect, test } from "vitest";
import { runCli } from "../command/run-cli.fixture.ts";

test("bench backup measures backup and restore beside their ceiling and their peers, and judges them by its goals", {
  timeout: 180_000,
}, async () => {
  const { code, stdout } = await runCli(["bench", "backup", "--rows", "200", "--json"]);
  const { source_bytes, ceiling_mb_per_s, full, incremental_1pct, restore, peers, goals } = JSON.parse(stdout);
  // So few rows take no time beside the start of a process: the goals are for many.
  expect([0, 1]).toContain(code);
  expect(code).toBe(goals.every(({ passed }: { passed: boolean }) => passed) ? 0 : 1);
  expect(source_bytes).toBeGreaterThan(200 * (800 + 384 * 4));
  for (const figure of [ceiling_mb_per_s, full.seconds, full.bytes, incremental_1pct.seconds, restore.rows_per_s])
    expect(figure).toBeGreaterThan(0);
  expect(incremental_1pct.bytes).toBeLessThan(full.bytes / 5);
  expect(incremental_1pct.share_of_bytes).toBeCloseTo(incremental_1pct.bytes / full.bytes, 3);
  expect(peers.sqlite_dump === null || peers.sqlite_dump.load.rows_per_s > 0).toBe(true);
});
