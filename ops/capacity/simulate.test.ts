import fc from "fast-check";
import { expect, test } from "vitest";
import { seededRandom } from "../bench/corpus.ts";
import { SHARD } from "./shard.fixture.ts";
import { chunksOf } from "./shards.ts";
import { type Scenario, simulateYear, tenantsOf } from "./simulate.ts";

const scenario = fc.record({
  chunks: fc.integer({ min: 1, max: 30_000_000 }),
  tenants: fc.integer({ min: 1, max: 300 }),
  searches_per_s: fc.double({ min: 0, max: 20, noNaN: true }),
  chunks_written_per_s: fc.double({ min: 0, max: 20, noNaN: true }),
  growth_share: fc.double({ min: 0, max: 0.2, noNaN: true }),
});

test("a year needs no fewer shards than it began with, moves each tenant once a month at most, and is the same when told again", () => {
  fc.assert(
    fc.property(scenario, fc.integer(), (asked: Scenario, seed) => {
      const year = simulateYear(asked, SHARD, seededRandom(seed));
      expect(year.shards.last).toBeGreaterThanOrEqual(year.shards.first);
      expect(year.moves.most_in_a_month).toBeLessThanOrEqual(asked.tenants);
      expect(year.moves.total).toBeLessThanOrEqual(12 * asked.tenants);
      if (asked.growth_share === 0) expect(year.moves.total).toBe(0);
      expect(simulateYear(asked, SHARD, seededRandom(seed))).toEqual(year);
      const chunks = chunksOf(tenantsOf(asked));
      expect(Math.abs(chunks - asked.chunks)).toBeLessThanOrEqual(asked.tenants);
    }),
    { numRuns: 50 },
  );
});
