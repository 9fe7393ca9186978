/**
 * One snapshot over all stores. The database decides the moment; objects are listed once more after it, so that every pack
 * its rows name is there (packs are written before rows, and collected only long after).
 */
import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isReason } from "../../command/errors.ts";
import type { D1Connection } from "../../d1/connection.ts";
import { tornIndexes } from "../../d1/load.ts";
import { SNAPSHOT_FORMAT, type SnapshotInventory, type SnapshotSummary } from "../manifest.ts";
import { allDone } from "../repository/all-done.ts";
import type { Repository, Snapshot, SnapshotInfo, SnapshotWriter } from "../repository/repository.ts";
import { copyDatabase, type DatabaseSource } from "./database-copy.ts";
import { copyStores, type StoreSources } from "./store-copy.ts";
import { type Survey, survey } from "./survey.ts";
import type { TakeOptions } from "./take-options.ts";

export interface SnapshotSources {
  stack: string;
  database: DatabaseSource & { id: string };
  /** Everything beside the database; null where only a database is backed up. */
  stores: StoreSources | null;
}

export interface Taken {
  info: SnapshotInfo;
  summary: SnapshotSummary;
  inventory: SnapshotInventory;
  /** What a person should know: a store that lacks what another names. */
  warnings: string[];
}

/**
 * Takes a snapshot and commits it. Interrupted, it is begun again: what was stored is found and not stored twice.
 * @throws OpsError naming what failed; the repository then has no new snapshot.
 */
export async function takeSnapshot(
  repository: Repository,
  sources: SnapshotSources,
  options: TakeOptions,
): Promise<Taken> {
  const bill = { rows_read: 0, rows_written: 0, requests: 0 };
  const { database } = sources;
  const billedSources = { ...sources, database: { ...database, connection: billed(database.connection, bill) } };
  const started_at_ms = options.now();
  const looked = async (snapshot: Promise<Snapshot | null>): Promise<Survey> => {
    const before = options.requests();
    const found = await survey(billedSources, snapshot, { ...options, marking: true });
    bill.requests += options.requests() - before;
    await options.plan?.(found);
    return found;
  };
  const [begun, early] = await Promise.allSettled([
    repository.beginSnapshot({ tool: options.tool, tags: options.tags ?? [] }),
    looked(repository.openNewest()),
  ]);
  if (begun.status === "rejected") throw begun.reason;
  const writer = begun.value;
  try {
    // The newest snapshot is seldom damaged; then the writer has another base.
    if (early.status === "rejected" && !isReason(early.reason, "damaged")) throw early.reason;
    const isOfBase = early.status === "fulfilled" && early.value.snapshot?.info.id === writer.base?.info.id;
    const surveyed = isOfBase ? early.value : await looked(Promise.resolve(writer.base));
    const scratch = await mkdtemp(join(tmpdir(), "prism-backup-"));
    try {
      return await take(writer, billedSources, surveyed, { ...options, started_at_ms, bill, scratch });
    } finally {
      await rm(scratch, { recursive: true, force: true });
    }
  } catch (error) {
    // Where even that fails, the lease ends by itself; why the snapshot failed is what has to be told.
    await writer.abandon().catch(() => {});
    throw error;
  }
}

async function take(
  writer: SnapshotWriter,
  { stack, database, stores }: SnapshotSources,
  { base, look, full_because, objects, worker }: Survey,
  options: TakeOptions & { started_at_ms: number; bill: Bill; scratch: string },
): Promise<Taken> {
  const { bill, scratch, started_at_ms } = options;
  const requests_before = options.requests();
  const continued = full_because === null ? base : null;
  const sealed = copyDatabase(database, {
    writer,
    look,
    base: continued,
    mark: randomBytes(16).toString("hex"),
    scratch,
    now: options.now,
    on_bytes: options.on_bytes,
  });
  const { connection } = database;
  const beside = { writer, base: options.full ? null : base, objects, connection, sealed, options };
  const [{ inventory: tables, body, bookmark, audit_head, state_at_ms }, others] = await allDone([
    sealed.then((rows) => rows.finish()),
    stores && worker && copyStores(stores, { ...beside, worker }),
  ]);

  const inventory: SnapshotInventory = {
    format: SNAPSHOT_FORMAT,
    database: tables,
    buckets: others?.buckets ?? null,
    worker: others?.body.worker ?? null,
  };
  const part = writer.putPart("shared-inventory", Buffer.from(JSON.stringify(inventory)));
  const summary = part.then(
    (stored): SnapshotSummary => ({
      format: SNAPSHOT_FORMAT,
      stack,
      kind: full_because === null ? "incremental" : "full",
      base: continued?.snapshot.info.id ?? null,
      full_because,
      state_at_ms,
      started_at_ms,
      database: {
        id: database.id,
        name: database.name,
        migration: look.migration,
        bookmark,
        rows: tables.tables.reduce((sum, table) => sum + table.rows, 0),
        audit_head,
      },
      inventory: stored.id,
      cost: {
        ...bill,
        requests: bill.requests + options.requests() - requests_before,
        duration_ms: options.now() - started_at_ms,
      },
    }),
  );
  const stored = others && { ...others.body, skew_ms: Math.max(0, others.last_look_ms - state_at_ms) };
  const info = await writer.commit({ summary, body: { format: SNAPSHOT_FORMAT, database: body, stores: stored } });
  const torn = tornIndexes(look.schema).map((what) => `${what}: nothing can be restored from this snapshot`);
  return { info, summary: await summary, inventory, warnings: [...torn, ...(others?.warnings ?? [])] };
}

interface Bill {
  rows_read: number;
  rows_written: number;
  /** Of the survey. */
  requests: number;
}

/** The same connection; `bill` grows by what D1 counts. */
function billed(connection: D1Connection, bill: Bill): D1Connection {
  return {
    batch: async (statements, options) => {
      const answers = await connection.batch(statements, options);
      for (const { rows_read, rows_written } of answers) {
        bill.rows_read += rows_read;
        bill.rows_written += rows_written;
      }
      return answers;
    },
  };
}
