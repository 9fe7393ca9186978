/**
 * Vectors in the index that no chunk has: what writers that broke off, or a lost message, left. The Worker cannot list an index; the REST
 * API can. The service goes on writing meanwhile, so the order matters: a row is always committed before its vector is sent. Whatever is
 * listed first and has no row afterwards has lost it, as long as nothing else speaks for it.
 */
import { z } from "zod";
import { RequestBudget } from "../cloudflare/request-budget.ts";
import type { D1Connection } from "../d1/connection.ts";
import { queryTexts } from "../d1/query.ts";
import { liveIndex, type StoreSession } from "../generation/stores.ts";
import { VectorIndex } from "../generation/vector-index.ts";
import { changedChunks, changeLogHead } from "../generation/vector-rows.ts";
import { VECTOR_LIST_PAGE } from "../limits.ts";

export const orphanVectors = z.strictObject({
  /** What was deleted in the last seconds may be among them: Vectorize shows it for a while. */
  orphans: z.int(),
  removed: z.int(),
});
type OrphanVectors = z.infer<typeof orphanVectors>;

/**
 * Compares the live index with the rows of its database, a request for each 1000 vectors. `dry_run`: only counts.
 * @throws OpsError in the words of Vectorize or D1. Repeat it to go on.
 */
export async function removeOrphanVectors(
  session: StoreSession,
  database: D1Connection,
  { dry_run }: { dry_run: boolean },
): Promise<OrphanVectors> {
  const index = new VectorIndex(session, liveIndex(await session.target.resources()).name);
  const found: OrphanVectors = { orphans: 0, removed: 0 };
  for await (const orphans of findOrphanVectors(session, database, index)) {
    found.orphans += orphans.length;
    if (dry_run) continue;
    await index.delete(orphans);
    found.removed += orphans.length;
  }
  return found;
}

/** Ids of vectors that no chunk has, page by page. A page is listed before its rows are looked for. */
export async function* findOrphanVectors(
  session: StoreSession,
  database: D1Connection,
  index: VectorIndex,
): AsyncGenerator<string[]> {
  const { api, account_id, signal } = session;
  const since_seq = await changeLogHead(database);
  const info = await api.vectorize.indexes.info(index.name, { account_id });
  announce(session, "compared with their chunks", Math.ceil((info?.vectorCount ?? 0) / VECTOR_LIST_PAGE));
  for await (const ids of index.pagesOfIds()) {
    signal.throwIfAborted();
    const orphans = [...new Set(ids).difference(await spokenFor(database, ids, since_seq))];
    if (orphans.length > 0) yield orphans;
  }
}

/** Of these ids those that a chunk has, that the outbox will settle, or whose chunk came or went after `since_seq`. */
async function spokenFor(database: D1Connection, ids: readonly string[], since_seq: number): Promise<Set<string>> {
  const sql = "SELECT id FROM chunks WHERE id IN (SELECT value FROM json_each(?1))";
  const held = new Set(await queryTexts(database, sql, [JSON.stringify(ids)]));
  return held.union(await unsettledChunks(database, since_seq));
}

/** Chunks whose vectors may still change: the outbox names them, or they came, went or changed after `since_seq`. */
export async function unsettledChunks(database: D1Connection, since_seq: number): Promise<Set<string>> {
  const owed = await queryTexts(
    database,
    `SELECT owed.value FROM vector_outbox, json_each(upsert_chunk_ids) owed
      UNION SELECT owed.value FROM vector_outbox, json_each(delete_chunk_ids) owed`,
  );
  return new Set(owed).union(await changedChunks(database, since_seq));
}

/** Says beforehand what Cloudflare's request budget makes long. */
export function announce({ note }: StoreSession, what: string, requests: number): void {
  const wait_s = Math.ceil(new RequestBudget().wait_ms(requests) / 1000);
  if (wait_s > 0) note(`vectors are ${what}: ${requests} requests, ${wait_s} s at Cloudflare's limit for each user`);
}
