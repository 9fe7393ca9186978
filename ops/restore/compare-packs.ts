/** The vector packs of a snapshot beside its rows: every vector that a row names is there, of the right model and size. */
import { decodePack } from "../../worker/vectors/vector-pack.ts";
import type { BucketSummary } from "../backup/manifest.ts";
import type { Snapshot } from "../backup/repository/repository.ts";
import { readObjects } from "../backup/snapshot/bucket-copy.ts";
import type { D1Connection } from "../d1/connection.ts";
import { queryNumber, queryRows } from "../d1/query.ts";

export interface PackComparison {
  packs: number;
  /** Chunks whose vector was found in its pack. */
  vectors: number;
  differences: string[];
}

interface PackRow {
  id: number;
  model: string;
  dimensions: number;
  count: number;
}

/** `connection`: to the restored rows. Reads every pack. @throws OpsError when a part is damaged. */
export async function comparePacks(
  snapshot: Pick<Snapshot, "readPart">,
  bucket: BucketSummary,
  connection: D1Connection,
  signal: AbortSignal,
): Promise<PackComparison> {
  const named = await packRows(connection);
  const result: PackComparison = { packs: 0, vectors: 0, differences: [] };
  for await (const { key, body } of readObjects(snapshot, bucket)) {
    signal.throwIfAborted();
    const row = named.get(key);
    if (row === undefined) continue;
    named.delete(key);
    result.packs += 1;
    try {
      const pack = await decodePack(body);
      if (pack.key !== key || pack.embedding_model !== row.model || pack.dimensions !== row.dimensions)
        result.differences.push(`pack ${key} is another one than its row says`);
      else if (pack.count !== row.count)
        result.differences.push(`pack ${key} has ${pack.count} of ${row.count} vectors`);
      else result.vectors += await chunksWithin(connection, row.id, pack.count);
    } catch (error) {
      result.differences.push(`pack ${key}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  for (const key of named.keys()) result.differences.push(`pack ${key}, which rows name, is not in the snapshot`);
  const wanted = await queryNumber(connection, "SELECT count(*) FROM chunks WHERE pack_id IS NOT NULL");
  if (wanted !== result.vectors)
    result.differences.push(`${wanted - result.vectors} of ${wanted} chunks have no vector`);
  return result;
}

/** Packs that chunks point into, by key. */
async function packRows(connection: D1Connection): Promise<Map<string, PackRow>> {
  const rows = await queryRows(
    connection,
    `SELECT id, object_key, embedding_model, dimensions, vector_count FROM packs
      WHERE EXISTS (SELECT 1 FROM chunks WHERE chunks.pack_id = packs.id)`,
  );
  return new Map(
    rows.map(([id, key, model, dimensions, count]) => [
      String(key),
      { id: Number(id), model: String(model), dimensions: Number(dimensions), count: Number(count) },
    ]),
  );
}

function chunksWithin(connection: D1Connection, pack: number, slots: number): Promise<number> {
  const sql = "SELECT count(*) FROM chunks WHERE pack_id = ?1 AND pack_slot BETWEEN 0 AND ?2";
  return queryNumber(connection, sql, [pack, slots - 1]);
}
