/** What a backup looks at before it copies anything: the snapshot that it may continue, the database, the lists of objects, the Worker. */
import { randomBytes } from "node:crypto";
import type { Cloudflare } from "../../cloudflare/official.ts";
import { OpsError } from "../../command/errors.ts";
import type { D1Connection } from "../../d1/connection.ts";
import { readDefinitions } from "../../d1/schema.ts";
import type { StackResources } from "../../stack/target.ts";
import { listUnder, type Storage, type StoredObject } from "../../storage/storage.ts";
import { readInventory, type SnapshotInventory } from "../manifest.ts";
import type { Snapshot } from "../repository/repository.ts";
import { brokenDescent } from "./continuation.ts";
import { type DatabaseLook, lookAtDatabase } from "./database-look.ts";
import { readWorker, type WorkerState } from "./worker-state.ts";

/** The snapshot that the next one can continue, as far as this machine's key can read what is needed. */
export interface Base {
  snapshot: Snapshot;
  inventory: SnapshotInventory;
}

export interface Survey {
  /** What was asked about. */
  snapshot: Snapshot | null;
  base: Base | null;
  look: DatabaseLook;
  /** Why the base's rows cannot be continued; null when they can. */
  full_because: string | null;
  /** Null where only a database is backed up. */
  objects: Record<"vectors" | "audit", StoredObject[]> | null;
  /** The same. */
  worker: WorkerState | null;
}

interface SurveySources {
  database: { connection: D1Connection };
  stores: {
    api: Cloudflare;
    resources: Pick<StackResources, "account_id" | "worker">;
    vectors: Storage;
    audit: Storage;
    signal: AbortSignal;
  } | null;
}

/**
 * `snapshot`: the one that may be continued. `marking`: the look leaves a mark in the database, by which the end of the backup knows that it was
 * not moved back in time. Reads a few hundred rows.
 * @throws OpsError in the words of D1 or the storage, or when the snapshot is damaged.
 */
export async function survey(
  { database: { connection }, stores }: SurveySources,
  snapshot: Promise<Snapshot | null>,
  { full, marking, now }: { full: boolean; marking: boolean; now(): number },
): Promise<Survey> {
  const listed = async (bucket: "vectors" | "audit") =>
    stores === null ? [] : await listUnder(stores[bucket], "", stores.signal);
  const based = snapshot.then(readBase);
  const deployed = async () => {
    if (stores === null) return null;
    const { base } = await based;
    return await readWorker(stores.api, stores.resources, full ? null : (base?.inventory.worker ?? null));
  };
  const [definitions, found, vectors, audit, worker] = await Promise.all([
    readDefinitions(connection),
    based,
    listed("vectors"),
    listed("audit"),
    deployed(),
  ]);
  const { base, unreadable } = found;
  const leave = marking ? { nonce: randomBytes(16).toString("hex"), at_ms: now() } : null;
  const look = await lookAtDatabase(connection, definitions, base?.inventory.database ?? null, leave);
  const full_because = unreadable ?? brokenDescent(look, base?.inventory ?? null, full);
  return { snapshot: await snapshot, base, look, full_because, objects: stores && { vectors, audit }, worker };
}

/** A key that cannot read makes full snapshots where it cannot read what an incremental one needs. */
async function readBase(snapshot: Snapshot | null): Promise<{ base: Base | null; unreadable: string | null }> {
  if (snapshot === null) return { base: null, unreadable: null };
  try {
    return { base: { snapshot, inventory: await readInventory(snapshot) }, unreadable: null };
  } catch (error) {
    if (!(error instanceof OpsError)) throw error;
    return { base: null, unreadable: `snapshot ${snapshot.info.id} cannot be continued: ${error.parts.cause}` };
  }
}
