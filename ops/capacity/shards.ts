/**
 * Tenants on shards. A shard is a database, a vector index and a generation of both; a tenant lies on one, whole. Pure.
 *
 * What a shard holds is bounded by bytes, vectors, the time that a search over all its chunks may take, and the share of each second
 * that its one thread is busy. New tenants are placed up to `SHARD_PLACED_SHARE` of that; beyond `SHARD_MOVED_SHARE` tenants move.
 */
import { SHARD_MOVED_SHARE, SHARD_PLACED_SHARE } from "../limits.ts";

export interface Tenant {
  id: string;
  chunks: number;
  searches_per_s: number;
  chunks_written_per_s: number;
}

/** What one shard can do. */
export interface ShardLimits {
  /** By the narrowest of bytes, vectors and the time of a search. */
  chunks_max: number;
  busy_share_max: number;
  /** A search over `c` chunks keeps the database busy for `search_base_ms + c * search_ms_per_chunk`. */
  search_base_ms: number;
  search_ms_per_chunk: number;
  write_ms_per_chunk: number;
}

export type Shard = readonly Tenant[];

interface Move {
  tenant: string;
  chunks: number;
  from: number;
  to: number;
}

export const chunksOf = (shard: Shard): number => shard.reduce((sum, { chunks }) => sum + chunks, 0);

/** Share of each second that the shard's database is busy. */
function busyShare(shard: Shard, limits: ShardLimits): number {
  const search_ms = limits.search_base_ms + chunksOf(shard) * limits.search_ms_per_chunk;
  return shard.reduce(
    (sum, one) => sum + (one.searches_per_s * search_ms + one.chunks_written_per_s * limits.write_ms_per_chunk) / 1000,
    0,
  );
}

/** How full a shard is by the narrowest of its limits: 1 is all that it can do. */
export function fullness(shard: Shard, limits: ShardLimits): number {
  return Math.max(chunksOf(shard) / limits.chunks_max, busyShare(shard, limits) / limits.busy_share_max);
}

/** Tenants that are more than a shard by themselves: no map helps them. */
export function oversized(tenants: readonly Tenant[], limits: ShardLimits): Tenant[] {
  return tenants.filter((tenant) => fullness([tenant], limits) > SHARD_MOVED_SHARE);
}

/** First fit, the largest first. Oversized tenants are `refused`: they need a database of another kind, or fewer chunks. */
export function place(tenants: readonly Tenant[], limits: ShardLimits): { shards: Tenant[][]; refused: Tenant[] } {
  const refused = oversized(tenants, limits);
  const fitting = tenants.filter((tenant) => !refused.includes(tenant));
  const shards: Tenant[][] = [];
  for (const tenant of fitting.toSorted((a, b) => fullness([b], limits) - fullness([a], limits))) {
    (shards.find((shard) => takes(shard, tenant, limits)) ?? newShard(shards)).push(tenant);
  }
  return { shards, refused };
}

function takes(shard: Shard, tenant: Tenant, limits: ShardLimits): boolean {
  return fullness([...shard, tenant], limits) <= SHARD_PLACED_SHARE;
}

function newShard(shards: Tenant[][]): Tenant[] {
  const shard: Tenant[] = [];
  shards.push(shard);
  return shard;
}

/**
 * Moves tenants off shards that are fuller than `SHARD_MOVED_SHARE` until they are not fuller than `SHARD_PLACED_SHARE`, or one is left:
 * each time the smallest that suffices, else the largest. A tenant moves once at most, and none leaves a shard that is not too full.
 */
export function rebalance(map: readonly Shard[], limits: ShardLimits): { shards: Tenant[][]; moves: Move[] } {
  const shards = map.map((shard) => [...shard]);
  const full = new Set(shards.filter((shard) => fullness(shard, limits) > SHARD_MOVED_SHARE));
  const moves: Move[] = [];
  for (const [from, shard] of [...shards.entries()]) {
    if (!full.has(shard)) continue;
    while (shard.length > 1 && fullness(shard, limits) > SHARD_PLACED_SHARE) {
      const tenant = leaving(shard, limits);
      shard.splice(shard.indexOf(tenant), 1);
      const target = shards.find((other) => !full.has(other) && takes(other, tenant, limits)) ?? newShard(shards);
      target.push(tenant);
      moves.push({ tenant: tenant.id, chunks: tenant.chunks, from, to: shards.indexOf(target) });
    }
  }
  return { shards, moves };
}

function leaving(shard: Shard, limits: ShardLimits): Tenant {
  const bySize = shard.toSorted((a, b) => a.chunks - b.chunks);
  const suffices = bySize.find(
    (tenant) =>
      fullness(
        shard.filter((other) => other !== tenant),
        limits,
      ) <= SHARD_PLACED_SHARE,
  );
  const chosen = suffices ?? bySize.at(-1);
  if (chosen === undefined) throw new RangeError("a shard without tenants has none that could leave");
  return chosen;
}
