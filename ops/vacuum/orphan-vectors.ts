/**
 * Vectors in the index that no chunk has: what writers that broke off, or a lost message, left. The Worker cannot list an index; the REST
 * API can. The service goes on writing meanwhile, so the order matters: a row is always committed before its vector is sent. Whatever is
 * listed first and has no row afterwards has lost it, as long as nothing else speaks for it.
 */
import { z } from "zod";
import { RequestBudget } from "../cloudflare/request-budget.ts";
import type { D1Connection } from "../d1/connection.ts";
import { liveIndex, type StoreSession } from "../generation/stores.ts";
import { VectorIndex } from "../generation/vector-index.ts";
import { changedChunks, changeLogHead, vectorIds } from "../generation/vector-rows.ts";
import { D1_KEYS_PER_READ, VECTOR_DELETE_IDS, VECTOR_LIST_PAGE } from "../limits.ts";

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
  const { api, account_id, signal } = session;
  const { name } = liveIndex(await session.target.resources());
  const index = new VectorIndex(session, name);
  const since_seq = await changeLogHead(database);
  const info = await api.vectorize.indexes.info(name, { account_id });
  announce(session, "compared with their chunks", Math.ceil((info?.vectorCount ?? 0) / VECTOR_LIST_PAGE));
  const suspects = [...(await index.ids()).difference(await vectorIds(database))];
  announce(session, "removed, as far as nothing names them", Math.ceil(suspects.length / VECTOR_DELETE_IDS));
  const found: OrphanVectors = { orphans: 0, removed: 0 };
  for (let from = 0; from < suspects.length; from += D1_KEYS_PER_READ) {
    signal.throwIfAborted();
    const page = new Set(suspects.slice(from, from + D1_KEYS_PER_READ));
    // The second look, right before the removal.
    const orphans = [...page.difference(await spokenFor(database, [...page], since_seq))];
    found.orphans += orphans.length;
    if (dry_run) continue;
    await index.delete(orphans);
    found.removed += orphans.length;
  }
  return found;
}

/** Of these ids those that a chunk has, that the outbox will settle, or whose chunk came or went after `since_seq`. */
async function spokenFor(database: D1Connection, ids: readonly string[], since_seq: number): Promise<Set<string>> {
  const [found] = await database.batch([
    {
      sql: `SELECT id FROM chunks WHERE id IN (SELECT value FROM json_each(?1))
        UNION SELECT owed.value FROM vector_outbox, json_each(upsert_chunk_ids) owed
        UNION SELECT owed.value FROM vector_outbox, json_each(delete_chunk_ids) owed`,
      params: [JSON.stringify(ids)],
    },
  ]);
  const named = new Set((found?.rows ?? []).map(([id]) => String(id)));
  return named.union(await changedChunks(database, since_seq));
}

/** Says beforehand what Cloudflare's request budget makes long. */
function announce({ note }: StoreSession, what: string, requests: number): void {
  const wait_s = Math.ceil(new RequestBudget().wait_ms(requests) / 1000);
  if (wait_s > 0) note(`vectors are ${what}: ${requests} requests, ${wait_s} s at Cloudflare's limit for each user`);
}
