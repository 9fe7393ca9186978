/**
 * One snapshot over all stores. The database decides the moment; objects are listed once more after it, so that every pack
 * its rows name is there (packs are written before rows, and collected only long after).
 */
import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { OpsError } from "../../command/errors.ts";
import type { D1Connection } from "../../d1/connection.ts";
import { readInventory, SNAPSHOT_FORMAT, type SnapshotInventory, type SnapshotSummary } from "../manifest.ts";
import type { Repository, Snapshot, SnapshotInfo, SnapshotWriter } from "../repository/repository.ts";
import { brokenDescent } from "./continuation.ts";
import { copyDatabase, type DatabaseSource } from "./database-copy.ts";
import { lookAtDatabase } from "./database-look.ts";
import { copyStores, type StoreSources } from "./store-copy.ts";
import type { Base, TakeOptions } from "./take-options.ts";

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
  const [begun, planned] = await Promise.allSettled([
    repository.beginSnapshot({ tool: options.tool, tags: options.tags ?? [] }),
    options.plan?.(),
  ]);
  if (begun.status === "rejected") throw begun.reason;
  const writer = begun.value;
  try {
    if (planned.status === "rejected") throw planned.reason;
    const scratch = await mkdtemp(join(tmpdir(), "prism-backup-"));
    try {
      return await take(writer, sources, options, scratch);
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
  sources: SnapshotSources,
  options: TakeOptions,
  scratch: string,
): Promise<Taken> {
  const started_at_ms = options.now();
  const requests_before = options.requests();
  const { database, stores } = sources;
  const bill = { rows_read: 0, rows_written: 0 };
  const connection = billed(database.connection, bill);
  const { base, unreadable } = await readBase(writer.base);
  const look = await lookAtDatabase(connection, base?.inventory.database.mark ?? null);
  const full_because = unreadable ?? brokenDescent(look, base?.inventory ?? null, options.full);
  const continued = full_because === null ? base : null;
  options.on_step(full_because === null ? `continuing snapshot ${base?.snapshot.info.id}` : `full: ${full_because}`);

  const rows = copyDatabase(
    { ...database, connection },
    {
      writer,
      look,
      base: continued,
      marks: { begun: randomBytes(16).toString("hex"), end: randomBytes(16).toString("hex") },
      scratch,
      now: options.now,
      on_table: (table, whole) => whole && options.on_step(`table ${table.name}`),
      on_bytes: options.on_bytes,
    },
  );
  const copied = stores && copyStores(stores, { writer, base: options.full ? null : base, connection, rows, options });
  // Both to their end, also when one fails: nothing may write on after the lease is given up.
  const [rowsDone, storesDone] = await Promise.allSettled([rows, copied]);
  if (rowsDone.status === "rejected") throw rowsDone.reason;
  if (storesDone.status === "rejected") throw storesDone.reason;
  const { inventory: tables, body, bookmark, audit_head, state_at_ms } = rowsDone.value;
  const others = storesDone.value;

  const inventory: SnapshotInventory = {
    format: SNAPSHOT_FORMAT,
    database: tables,
    buckets: others?.buckets ?? null,
  };
  const inventoryPart = await writer.putPart("shared-inventory", Buffer.from(JSON.stringify(inventory)));
  const summary: SnapshotSummary = {
    format: SNAPSHOT_FORMAT,
    stack: sources.stack,
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
    inventory: inventoryPart.id,
    cost: { ...bill, requests: options.requests() - requests_before, duration_ms: options.now() - started_at_ms },
  };
  const stored = others && { ...others.body, skew_ms: Math.max(0, others.last_look_ms - state_at_ms) };
  const info = await writer.commit({ summary, body: { format: SNAPSHOT_FORMAT, database: body, stores: stored } });
  return { info, summary, inventory, warnings: others?.warnings ?? [] };
}

/** A key that cannot read makes full snapshots where it cannot read what an incremental one needs. */
export async function readBase(snapshot: Snapshot | null): Promise<{ base: Base | null; unreadable: string | null }> {
  if (snapshot === null) return { base: null, unreadable: null };
  try {
    return { base: { snapshot, inventory: await readInventory(snapshot) }, unreadable: null };
  } catch (error) {
    if (!(error instanceof OpsError)) throw error;
    return { base: null, unreadable: `snapshot ${snapshot.info.id} cannot be continued: ${error.parts.cause}` };
  }
}

/** The same connection; `bill` grows by what D1 counts. */
function billed(connection: D1Connection, bill: { rows_read: number; rows_written: number }): D1Connection {
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
