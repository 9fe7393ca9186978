/** What a chunk costs to index, from what the database says of this day's chunks. */
import { NEURONS_PER_MILLION_EMBEDDED_TOKENS } from "../../infra/cloudflare-limits.ts";
import { liveOf } from "../../infra/outputs.ts";
import { createCloudflare } from "../cloudflare/api.ts";
import { rounded } from "../command/rounded.ts";
import { firstNumber } from "../d1/query.ts";
import { restD1 } from "../d1/rest-connection.ts";
import { PER_CHUNK_SAMPLE } from "../limits.ts";
import type { StackTarget } from "../stack/target.ts";

export interface PerChunk {
  /** Chunks with new vectors since midnight UTC. */
  chunks_today: number;
  rows_written: number | null;
  neurons: number | null;
}

/**
 * `rows_written`: of this day, by whatever wrote them, so an upper bound; null where no chunk was made. `neurons`: what embedding one
 * costs at the mean length of the newest.
 * @throws OpsError as the API does.
 */
export async function readPerChunk(
  target: StackTarget,
  { rows_written, midnight_ms, signal }: { rows_written: number; midnight_ms: number; signal: AbortSignal },
): Promise<PerChunk> {
  const [address, { database }] = await Promise.all([target.api(), target.resources()]);
  const connection = restD1(createCloudflare(address, { signal }), address.account_id, liveOf(database)?.id ?? "");
  const [made, lengths] = await connection.batch([
    { sql: "SELECT coalesce(sum(vector_count), 0) FROM packs WHERE created_at_ms >= ?1", params: [midnight_ms] },
    {
      sql: "SELECT avg(token_count) FROM (SELECT token_count FROM chunks ORDER BY id DESC LIMIT ?1)",
      params: [PER_CHUNK_SAMPLE],
    },
  ]);
  const chunks_today = firstNumber(made);
  const tokens = lengths?.rows[0]?.[0] ?? null;
  return {
    chunks_today,
    rows_written: chunks_today === 0 ? null : rounded(rows_written / chunks_today, 1),
    neurons: tokens === null ? null : rounded((Number(tokens) / 1e6) * NEURONS_PER_MILLION_EMBEDDED_TOKENS, 4),
  };
}
