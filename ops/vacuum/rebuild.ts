/**
 * Compaction, since D1 has no VACUUM: the next generation of the database is filled from a verified snapshot, brought up to the live one by
 * the change log, compared with it row by row, and taken over. Nothing written meanwhile is lost, for the live database stays the source.
 */
import { z } from "zod";
import { readInventory, readManifest, type SnapshotInventory, type SnapshotManifest } from "../backup/manifest.ts";
import type { KeptOptions } from "../backup/place.ts";
import type { Repository, Snapshot, SnapshotInfo } from "../backup/repository/repository.ts";
import { brokenDescent } from "../backup/snapshot/continuation.ts";
import { lookAtDatabase } from "../backup/snapshot/database-look.ts";
import { type OpsError, refusal } from "../command/errors.ts";
import type { D1Connection } from "../d1/connection.ts";
import { readDefinitions } from "../d1/schema.ts";
import { copyFromLive } from "../generation/copy-database.ts";
import type { DatabaseFill } from "../generation/fill.ts";
import { readRecord } from "../generation/record.ts";
import { keepsFullText } from "../generation/replay.ts";
import type { StoreSession } from "../generation/stores.ts";
import { switchGeneration, switchReport } from "../generation/switch.ts";
import { loadDatabase, snapshotSchema } from "../restore/load-database.ts";

const FILL = "rebuild from snapshot ";

/** The switch, and what the new generation was filled from. */
export const rebuilt = switchReport.extend({ snapshot: z.string() });
export type Rebuilt = z.infer<typeof rebuilt>;

export interface RebuildSource {
  snapshot_id: string;
  /** The change log is followed from here on. */
  log_seq: number;
  /** A switch has begun: its own copy says how far it is. */
  is_under_way: boolean;
}

/**
 * The snapshot that a rebuild fills the next generation from: that of the one under way, else the newest that a restore verified.
 * Changes nothing. @throws OpsError with exit code 3 where no snapshot is fit for it.
 */
export async function rebuildSource(
  { bucket, steady }: Pick<StoreSession, "bucket" | "steady">,
  repository: Repository,
  live: D1Connection,
): Promise<RebuildSource> {
  const record = await readRecord(bucket, steady);
  const begun = record?.value.database?.fill;
  const snapshot_id = begun?.startsWith(FILL) ? begun.slice(FILL.length) : (await newestVerified(repository)).id;
  const snapshot = await repository.openSnapshot(snapshot_id);
  const inventory = await readInventory(snapshot);
  if (begun === undefined) await refuseStranger(live, snapshot, inventory);
  return { snapshot_id, log_seq: inventory.database.log_seq ?? 0, is_under_way: record !== null };
}

/** @throws OpsError with what failed: repeat it to go on. */
export async function rebuildDatabase(
  session: StoreSession,
  repository: Repository,
  { snapshot_id }: RebuildSource,
  opened: KeptOptions,
): Promise<Rebuilt> {
  const lease = await repository.leaseForRestore([snapshot_id]);
  try {
    const snapshot = await repository.openSnapshot(snapshot_id);
    const report = await switchGeneration(session, {
      database: { fill: fromSnapshot(snapshot, await readManifest(snapshot)) },
      opened,
      by: "ops vacuum --rebuild",
    });
    return { snapshot: snapshot_id, ...report };
  } finally {
    await lease.release();
  }
}

function fromSnapshot(snapshot: Snapshot, manifest: SnapshotManifest): DatabaseFill {
  const { name: _, id: __, ...copying } = copyFromLive;
  return {
    ...copying,
    id: `${FILL}${snapshot.info.id}`,
    name: `snapshot ${snapshot.info.id} and what changed since`,
    async prepare(filling) {
      const { state, target, progress, signal } = filling;
      if (state.copied !== true) {
        state.seq ??= manifest.inventory.database.log_seq ?? 0;
        await filling.save();
        progress.start("rows from the snapshot", manifest.summary.database.rows);
        await loadDatabase(snapshot, whileFollowing(manifest), target.connection, {
          signal,
          on_rows: (rows) => progress.update(rows),
        });
        progress.stop();
        state.copied = true;
        await filling.save();
      }
      return copyFromLive.prepare(filling);
    },
  };
}

/** As a copy that follows the change log needs it: no triggers but those of full-text indexes. The others come at the takeover. */
function whileFollowing(manifest: SnapshotManifest): Pick<SnapshotManifest, "inventory" | "body"> {
  const schema = snapshotSchema(manifest);
  const triggers = schema.triggers.filter(keepsFullText(schema));
  const { inventory, body } = manifest;
  return {
    inventory,
    body: { ...body, database: { ...body.database, schema: { ...body.database.schema, triggers } } },
  };
}

async function newestVerified(repository: Repository): Promise<SnapshotInfo> {
  const found = (await repository.listSnapshots()).find(({ verified }) => verified?.level === "restore");
  if (found !== undefined) return found;
  throw unfit(repository.location, "no snapshot in it was verified by a restore");
}

/** The change log must lead from the snapshot to now. */
async function refuseStranger(live: D1Connection, { info }: Snapshot, inventory: SnapshotInventory): Promise<void> {
  const { mark } = inventory.database;
  const look = await lookAtDatabase(live, await readDefinitions(live), { mark, log_seq: null });
  const broken =
    brokenDescent(look, inventory, false) ??
    (look.fingerprint === inventory.database.schema ? null : "the schema was changed since");
  if (broken !== null) throw unfit(`snapshot ${info.id}`, `the live database cannot be reached from it: ${broken}`);
}

function unfit(subject: string, cause: string): OpsError {
  return refusal({
    op: "rebuild from",
    subject,
    cause,
    hint: "npm run ops -- backup create && npm run ops -- backup verify, then repeat",
  });
}
