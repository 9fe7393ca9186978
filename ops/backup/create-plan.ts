/** What `ops backup create` is about to do: said before it is done, and all that `--dry-run` does. */
import { z } from "zod";
import { BACKUP_BYTES_PER_S, D1_FREE_ROWS_READ_PER_DAY, D1_FREE_ROWS_WRITTEN_PER_DAY } from "../limits.ts";
import { objectsUnder, type Storage } from "../storage/storage.ts";
import { planDatabase } from "./plan-cost.ts";
import type { Repository } from "./repository/repository.ts";
import { brokenDescent } from "./snapshot/continuation.ts";
import { lookAtDatabase } from "./snapshot/database-look.ts";
import { readBase } from "./snapshot/take.ts";
import type { Base } from "./snapshot/take-options.ts";
import type { StackSources } from "./stack-sources.ts";

export const backupPlan = z.strictObject({
  stack: z.string(),
  repository: z.string(),
  kind: z.enum(["full", "incremental"]),
  base: z.string().nullable(),
  full_because: z.string().nullable(),
  tables: z.array(
    z.strictObject({
      name: z.string(),
      how: z.enum(["whole", "changes", "at the end"]),
      rows: z.number(),
      bytes: z.number(),
      requests: z.number(),
    }),
  ),
  /** Entries of the change log to replay. */
  changes: z.number(),
  /** Objects of buckets to copy. */
  objects: z.strictObject({ count: z.number(), bytes: z.number() }),
  /** To Cloudflare's API. */
  requests: z.number(),
  rows_read: z.number(),
  rows_written: z.number(),
  /** Plain bytes to read. */
  bytes: z.number(),
  duration_s: z.number(),
  /** Share of a day's quota of D1 on the free plan. */
  free_quota: z.strictObject({ rows_read: z.number(), rows_written: z.number() }),
});
export type BackupPlan = z.infer<typeof backupPlan>;

/** Changes nothing; reads a few hundred rows. @throws OpsError in the words of D1, the API or the storage. */
export async function planBackup(repository: Repository, sources: StackSources, full: boolean): Promise<BackupPlan> {
  const { stores, database, budget } = sources;
  const { account_id, kv, vectors } = stores.resources;
  const { base, unreadable } = await readBase(await repository.openNewest());
  const look = await lookAtDatabase(database.connection, base?.inventory.database.mark ?? null);
  const full_because = unreadable ?? brokenDescent(look, base?.inventory ?? null, full);
  const continued = full_because === null ? base : null;
  const kept = full ? null : base;
  const index = vectors.generations.find(({ generation }) => generation === vectors.live)?.name ?? "";
  const [rows, packs, audit, info, entries] = await Promise.all([
    planDatabase(database.connection, look, continued?.inventory ?? null),
    newObjects(stores.vectors, "vectors", kept, stores.signal),
    newObjects(stores.audit, "audit", kept, stores.signal),
    stores.api.vectorize.indexes.info(index, { account_id }),
    countOf(stores.api.kv.namespaces.keys.list(kv.config, { account_id })),
  ]);
  const listed = full || base === null ? Math.ceil((info?.vectorCount ?? 0) / 1000) : 0;
  const requests = rows.requests + listed + entries + STORE_REQUESTS;
  const bytes = Math.round(rows.bytes + packs.bytes + audit.bytes);
  return {
    stack: sources.stack,
    repository: repository.location,
    kind: full_because === null ? "incremental" : "full",
    base: continued?.snapshot.info.id ?? null,
    full_because,
    tables: rows.tables.map((table) => ({ ...table, bytes: Math.round(table.bytes) })),
    changes: rows.changes,
    objects: { count: packs.count + audit.count, bytes: packs.bytes + audit.bytes },
    requests,
    rows_read: rows.rows_read,
    rows_written: rows.rows_written,
    bytes,
    duration_s: Math.ceil(Math.max(budget.wait_ms(requests) / 1000, bytes / BACKUP_BYTES_PER_S)),
    free_quota: {
      rows_read: share(rows.rows_read, D1_FREE_ROWS_READ_PER_DAY),
      rows_written: share(rows.rows_written, D1_FREE_ROWS_WRITTEN_PER_DAY),
    },
  };
}

/** Deployments and version of the Worker, keys of KV, the index with its state and its metadata indexes, one page of packs. */
const STORE_REQUESTS = 7;

function share(amount: number, quota: number): number {
  return Math.round((amount / quota) * 10_000) / 10_000;
}

async function countOf(listed: AsyncIterable<unknown>): Promise<number> {
  let count = 0;
  for await (const _ of listed) count += 1;
  return count;
}

async function newObjects(storage: Storage, bucket: "vectors" | "audit", base: Base | null, signal: AbortSignal) {
  const known = new Map((base?.inventory.buckets?.[bucket].objects ?? []).map(([key, etag]) => [key, etag]));
  let count = 0;
  let bytes = 0;
  for await (const object of objectsUnder(storage, "", signal)) {
    if (known.get(object.key) === object.etag) continue;
    count += 1;
    bytes += object.bytes;
  }
  return { count, bytes };
}
