import { expect, test } from "vitest";
import { runCli } from "../command/run-cli.fixture.ts";

test("bytes, rows and neurons are measured on a database of its own, and a plan is made of them", async () => {
  const asked = ["--measure", "200", "--chunks", "1000,50000000", "--tenants", "3", "--search-ms", "5"];
  const { code, stdout } = await runCli(["capacity", ...asked, "--json"]);
  expect(code).toBe(0);
  const { per_chunk, shard, plans, assumptions } = JSON.parse(stdout);
  expect(per_chunk.measured_now).toBe(true);
  // A chunk of 800 characters: its text, at least, and not a hundred times that.
  expect(per_chunk.d1_bytes).toBeGreaterThan(800);
  expect(per_chunk.d1_bytes).toBeLessThan(80_000);
  for (const figure of ["rows_written", "neurons", "write_ms", "rows_read_per_search"])
    expect(per_chunk[figure]).toBeGreaterThan(0);
  expect(["bytes", "vectors"]).toContain(shard.bounded_by);
  expect(plans[0]).toMatchObject({ chunks: 1000, shards: { first: 1 }, refused: { tenants: 0 }, ends: [] });
  // Of 50 million chunks the largest of three tenants has 27: no shard takes it, and that is said.
  expect(plans[1].refused.tenants).toBeGreaterThan(0);
  expect(plans[1].month_usd).toBeGreaterThan(plans[0].month_usd);
  expect(assumptions.join()).toContain("measured now");
});
