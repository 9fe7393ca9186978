import fc from "fast-check";
import { expect, test } from "vitest";
import { SHARD_MOVED_SHARE, SHARD_PLACED_SHARE } from "../limits.ts";
import { SHARD } from "./shard.fixture.ts";
import { chunksOf, fullness, oversized, place, rebalance, type Tenant } from "./shards.ts";

const load = fc.record({
  chunks: fc.integer({ min: 0, max: 1_200_000 }),
  searches_per_s: fc.double({ min: 0, max: 4, noNaN: true }),
  chunks_written_per_s: fc.double({ min: 0, max: 20, noNaN: true }),
});
const tenantsOf = (loads: readonly Omit<Tenant, "id">[]) =>
  loads.map((one, place): Tenant => ({ id: `t${place}`, ...one }));
const idsOf = (shards: readonly (readonly Tenant[])[]) =>
  shards
    .flat()
    .map(({ id }) => id)
    .sort();
/** Growth of each tenant between two looks at the map. */
const growth = fc.array(fc.double({ min: 0.8, max: 2, noNaN: true }), { minLength: 40, maxLength: 40 });

test("every tenant is placed once or refused; no shard gets more than its share, and only what is alone may have more", () => {
  fc.assert(
    fc.property(fc.array(load, { maxLength: 40 }), (loads) => {
      const tenants = tenantsOf(loads);
      const { shards, refused } = place(tenants, SHARD);
      expect(idsOf([...shards, refused])).toEqual(idsOf([tenants]));
      for (const shard of shards) {
        const share = shard.length > 1 ? SHARD_PLACED_SHARE : SHARD_MOVED_SHARE;
        expect(fullness(shard, SHARD)).toBeLessThanOrEqual(share);
      }
      for (const tenant of refused) expect(fullness([tenant], SHARD)).toBeGreaterThan(SHARD_MOVED_SHARE);
    }),
  );
});

test("tenants that only take room take at most twice the shards that their chunks must have, and one", () => {
  const quiet = load.map(({ chunks }) => ({
    chunks: Math.min(chunks, SHARD_PLACED_SHARE * SHARD.chunks_max),
    searches_per_s: 0,
    chunks_written_per_s: 0,
  }));
  fc.assert(
    fc.property(fc.array(quiet, { maxLength: 40 }), (loads) => {
      const { shards } = place(tenantsOf(loads), SHARD);
      const least = chunksOf(tenantsOf(loads)) / (SHARD_PLACED_SHARE * SHARD.chunks_max);
      expect(shards.length).toBeLessThanOrEqual(2 * least + 1);
    }),
  );
});

test("after growth no shard stays too full but for one tenant alone, nobody moves twice or without need, and then all is quiet", () => {
  fc.assert(
    fc.property(fc.array(load, { maxLength: 40 }), growth, (loads, factors) => {
      const { shards } = place(tenantsOf(loads), SHARD);
      const grown = shards.map((shard) =>
        shard.map((tenant) => ({
          ...tenant,
          chunks: Math.round(tenant.chunks * (factors[Number(tenant.id.slice(1))] ?? 1)),
        })),
      );
      const { shards: after, moves } = rebalance(grown, SHARD);
      expect(idsOf(after)).toEqual(idsOf(grown));
      expect(new Set(moves.map(({ tenant }) => tenant)).size).toBe(moves.length);
      for (const { from } of moves) expect(fullness(grown[from] ?? [], SHARD)).toBeGreaterThan(SHARD_MOVED_SHARE);
      const tooFull = after.filter((shard) => fullness(shard, SHARD) > SHARD_MOVED_SHARE);
      expect(tooFull.flat()).toEqual(oversized(tooFull.flat(), SHARD));
      expect(tooFull.every(({ length }) => length === 1)).toBe(true);
      expect(rebalance(after, SHARD).moves).toEqual([]);
    }),
  );
});
