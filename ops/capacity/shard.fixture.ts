/** A shard for the tests of placing tenants and of a year of them. */
import type { ShardLimits } from "./shards.ts";

export const SHARD: ShardLimits = {
  chunks_max: 1_000_000,
  busy_share_max: 0.5,
  search_base_ms: 3,
  search_ms_per_chunk: 0.0003,
  write_ms_per_chunk: 2,
};
