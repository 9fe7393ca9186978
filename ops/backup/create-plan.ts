/** What `ops backup create` is about to do: said before it is done, and all that `--dry-run` does. */
import { z } from "zod";
import { liveOf } from "../../infra/outputs.ts";
import { BACKUP_BYTES_PER_S, D1_FREE_ROWS_READ_PER_DAY, D1_FREE_ROWS_WRITTEN_PER_DAY } from "../limits.ts";
import type { StoredObject } from "../storage/storage.ts";
import { planDatabase, tablePlan } from "./plan-cost.ts";
import type { Repository } from "./repository/repository.ts";
import type { Base, Survey } from "./snapshot/survey.ts";
import type { StackSources } from "./stack-sources.ts";

export const backupPlan = z.strictObject({
  stack: z.string(),
  repository: z.string(),
  kind: z.enum(["full", "incremental"]),
  base: z.string().nullable(),
  full_because: z.string().nullable(),
  tables: z.array(tablePlan),
  /** Entries of the change log to replay. */
  changes: z.number(),
  /** Objects of buckets to copy. */
  objects: z.strictObject({ count: z.number(), bytes: z.number() }),
  /** Of the deployed Worker, where the snapshot before does not hold the same version. */
  worker_bytes: z.number(),
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

/** Of what was found. Changes nothing; reads a few hundred rows. @throws OpsError in the words of D1 or the API. */
export async function planBackup(
  repository: Pick<Repository, "location">,
  sources: StackSources,
  { base, look, full_because, objects, worker }: Survey,
  full: boolean,
): Promise<BackupPlan> {
  const { stores, database, budget } = sources;
  const { account_id, kv, vectors } = stores.resources;
  const continued = full_because === null ? base : null;
  const kept = full ? null : base;
  const packs = newObjects(objects?.vectors, "vectors", kept);
  const audit = newObjects(objects?.audit, "audit", kept);
  const index = liveOf(vectors)?.name ?? "";
  const [rows, info, entries] = await Promise.all([
    planDatabase(database.connection, look, continued?.inventory ?? null),
    // The ids of all vectors are listed where nothing is known of them yet.
    kept === null ? stores.api.vectorize.indexes.info(index, { account_id }) : null,
    countOf(stores.api.kv.namespaces.keys.list(kv.config, { account_id })),
  ]);
  const listed = Math.ceil((info?.vectorCount ?? 0) / 1000);
  const modules = worker?.version instanceof Buffer ? worker.version : null;
  const requests = rows.requests + listed + entries + STORE_REQUESTS + (modules === null ? 0 : 1);
  const worker_bytes = modules?.length ?? 0;
  const bytes = Math.round(rows.bytes + packs.bytes + audit.bytes + worker_bytes);
  return {
    stack: sources.stack,
    repository: repository.location,
    kind: full_because === null ? "incremental" : "full",
    base: continued?.snapshot.info.id ?? null,
    full_because,
    tables: rows.tables.map((table) => ({ ...table, bytes: Math.round(table.bytes) })),
    changes: rows.changes,
    objects: { count: packs.count + audit.count, bytes: packs.bytes + audit.bytes },
    worker_bytes,
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

/** Keys of KV, the index with its state and its metadata indexes, one page of packs. */
const STORE_REQUESTS = 5;

function share(amount: number, quota: number): number {
  return Math.round((amount / quota) * 10_000) / 10_000;
}

async function countOf(listed: AsyncIterable<unknown>): Promise<number> {
  let count = 0;
  for await (const _ of listed) count += 1;
  return count;
}

function newObjects(listed: readonly StoredObject[] = [], bucket: "vectors" | "audit", base: Base | null) {
  const known = new Map((base?.inventory.buckets?.[bucket].objects ?? []).map(([key, etag]) => [key, etag]));
  const others = listed.filter(({ key, etag }) => known.get(key) !== etag);
  return { count: others.length, bytes: others.reduce((sum, { bytes }) => sum + bytes, 0) };
}
