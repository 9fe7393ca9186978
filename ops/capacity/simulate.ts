/** A year of tenants that grow, on shards. Pure: randomness is passed in. */
import type { Random } from "../bench/corpus.ts";
import { fullness, oversized, place, rebalance, type ShardLimits, type Tenant } from "./shards.ts";

const MONTHS = 12;

export interface Scenario {
  chunks: number;
  tenants: number;
  /** All tenants together, at the busiest. */
  searches_per_s: number;
  chunks_written_per_s: number;
  /** Of the chunks, by which all tenants together grow a month. */
  growth_share: number;
}

interface Year {
  /** Shards at the beginning and at the end, and the fullest one after each month's moves. */
  shards: { first: number; last: number };
  fullest: number;
  largest_tenant_chunks: number;
  refused: { tenants: number; chunks: number };
  outgrown: number;
  moves: { total: number; most_in_a_month: number; chunks: number };
}

/** Sizes by Zipf's law: the first has twice the chunks of the second. Traffic follows chunks. */
export function tenantsOf({ chunks, tenants, searches_per_s, chunks_written_per_s }: Scenario): Tenant[] {
  const weights = Array.from({ length: tenants }, (_, rank) => 1 / (rank + 1));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight, rank) => {
    const share = weight / total;
    return {
      id: `tenant-${rank + 1}`,
      chunks: Math.round(chunks * share),
      searches_per_s: searches_per_s * share,
      chunks_written_per_s: chunks_written_per_s * share,
    };
  });
}

/** Each month a tenant grows by a random share between nothing and twice `growth_share`, traffic with it; then the map is put right. */
export function simulateYear(scenario: Scenario, limits: ShardLimits, random: Random): Year {
  const tenants = tenantsOf(scenario);
  const { shards: first, refused } = place(tenants, limits);
  let map = first;
  const perMonth: { moves: number; chunks: number; fullest: number }[] = [];
  for (let month = 0; month < MONTHS; month++) {
    const grown = map.map((shard) => shard.map((tenant) => grownBy(tenant, 1 + 2 * scenario.growth_share * random())));
    const { shards, moves } = rebalance(grown, limits);
    map = shards;
    perMonth.push({
      moves: moves.length,
      chunks: moves.reduce((sum, move) => sum + move.chunks, 0),
      fullest: Math.max(0, ...map.map((shard) => fullness(shard, limits))),
    });
  }
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
  return {
    shards: { first: first.length, last: map.length },
    fullest: Math.max(...perMonth.map(({ fullest }) => fullest)),
    largest_tenant_chunks: tenants[0]?.chunks ?? 0,
    refused: { tenants: refused.length, chunks: sum(refused.map(({ chunks }) => chunks)) },
    outgrown: oversized(map.flat(), limits).length,
    moves: {
      total: sum(perMonth.map(({ moves }) => moves)),
      most_in_a_month: Math.max(...perMonth.map(({ moves }) => moves)),
      chunks: sum(perMonth.map(({ chunks }) => chunks)),
    },
  };
}

function grownBy(tenant: Tenant, factor: number): Tenant {
  return {
    ...tenant,
    chunks: Math.round(tenant.chunks * factor),
    searches_per_s: tenant.searches_per_s * factor,
    chunks_written_per_s: tenant.chunks_written_per_s * factor,
  };
}
