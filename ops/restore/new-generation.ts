/**
 * A snapshot into new generations of the stores, then the Worker over to them. The live stores are not touched before all of
 * the snapshot was read and verified, and stay as they are for the undo.
 */
import { z } from "zod";
import type { KeptOptions } from "../backup/place.ts";
import type { Repository } from "../backup/repository/repository.ts";
import { damageTold } from "../backup/whole-snapshot.ts";
import { refusal } from "../command/errors.ts";
import { readRecord } from "../generation/record.ts";
import type { StoreSession } from "../generation/stores.ts";
import { switchGeneration } from "../generation/switch.ts";
import { patientStorage } from "../storage/patient-storage.ts";
import { s3Storage } from "../storage/s3-storage.ts";
import { afterChange } from "./after-change.ts";
import { configRestored, readConfig, restoreConfig } from "./config.ts";
import { type DerivedCheck, failedCheck, type Overruling } from "./derived-checks.ts";
import { fillDatabase, fillsFromSnapshot, type SnapshotSource, vectorsFromSnapshot } from "./fills.ts";
import { readIndexVersions } from "./index-versions.ts";
import { replaceLostStores } from "./lost-stores.ts";
import { type ObjectsRestored, objectsRestored, restoreObjects } from "./objects.ts";
import type { RestorePlan } from "./restore-plan.ts";
import {
  canBeUndone,
  isInterrupted,
  type RestoreRecord,
  readRestoreRecord,
  writeRestoreRecord,
} from "./restore-record.ts";
import { type Situation, withBucket } from "./situation.ts";

const moved = z.looseObject({ from: z.int(), to: z.int() });

export const restored = z.strictObject({
  snapshot: z.string(),
  state_at: z.iso.datetime(),
  rpo_s: z.number(),
  rto_s: z.number(),
  database: moved,
  vectors: moved,
  objects: z.strictObject({ vectors: objectsRestored, audit: objectsRestored }),
  config: configRestored,
  /** Checks that failed and were overruled. */
  overruled: z.array(failedCheck),
  /** Whether `ops restore undo` has something to go back to. */
  can_be_undone: z.boolean(),
  /** How long writes were deferred; 0 where there was nothing left to write to. */
  fence_ms: z.number(),
  deferred_writes: z.int(),
  /** Generations whose undo window was over. */
  dropped: z.array(z.string()),
});
export type Restored = z.infer<typeof restored>;

interface RestoreWork {
  situation: Situation;
  repository: Repository;
  source: SnapshotSource;
  plan: RestorePlan;
  /** How `repository` was named. */
  opened: KeptOptions;
  /** A check of what is made from rows that may fail. */
  accepts: DerivedCheck | null;
}

/** @throws OpsError naming what is damaged, before anything is touched; or what failed: repeat it to go on. */
export async function applyToNewGeneration(work: RestoreWork): Promise<Restored> {
  const { situation, source, plan } = work;
  const { session, resources, live } = situation;
  const began_ms = session.now();
  await verifyBefore(work);
  await withBucket(situation);
  const objects = await restoreBuckets(session, source);

  const begun = await begunBefore(session, plan);
  let record: RestoreRecord = begun ?? {
    method: "generation",
    source: plan.source,
    repository: work.opened.repository,
    state_at: plan.state_at,
    phase: "begun",
    begun_at_ms: began_ms,
    had_live: live !== null,
    before: { database: resources.database.live, vectors: resources.vectors.live },
    moved: null,
    bookmark: null,
    snapshot_before: null,
    emptied: false,
    needs: null,
    undo_from: null,
    overruled: [],
    index_versions: live === null ? [] : await readIndexVersions(live.connection),
    config_before: null,
  };
  await writeRestoreRecord(session.bucket, record, session.steady);
  const overruling: Overruling = {
    accepts: work.accepts,
    async record(failed) {
      record = { ...record, overruled: [...failed] };
      await writeRestoreRecord(session.bucket, record, session.steady);
    },
  };
  const switched = record.phase === "begun" ? await switchStores(work, overruling) : null;
  const moved = record.moved ?? {
    database: { from: record.before.database, to: switched?.database.to ?? 0 },
    vectors: { from: record.before.vectors, to: switched?.vectors.to ?? 0 },
  };
  record = { ...record, phase: "stores", moved };
  const so_far = "database and index are restored and live, the configuration is not yet";
  const config = await afterChange(plan.source, so_far, async () => {
    await writeRestoreRecord(session.bucket, record, session.steady);
    const done = await restoreConfig(session, await readConfig(source), record);
    await writeRestoreRecord(session.bucket, { ...done.record, phase: "done" }, session.steady);
    return done;
  });
  const { fence_ms = 0, deferred_writes = 0, dropped = [] } = switched ?? {};
  return {
    snapshot: plan.source,
    state_at: plan.state_at,
    rpo_s: plan.rpo_s,
    rto_s: Math.round((session.now() - began_ms) / 100) / 10,
    database: { ...moved.database, ...switched?.database },
    vectors: { ...moved.vectors, ...switched?.vectors },
    objects,
    config: { written: config.written, removed: config.removed },
    overruled: record.overruled,
    can_be_undone: canBeUndone(record),
    fence_ms,
    deferred_writes,
    dropped,
  };
}

/** Reads every part once, without a target: what is damaged is found before anything is touched. */
export async function verifyBefore(work: {
  situation: { session: Pick<StoreSession, "progress"> };
  repository: Repository;
  plan: Pick<RestorePlan, "source">;
}): Promise<void> {
  const { repository, plan } = work;
  const { progress } = work.situation.session;
  progress.start("verify parts", 0);
  const { findings } = await repository.verifyData(100, {
    only: plan.source,
    on_progress: (done, total) => {
      if (done === 1) progress.start("verify parts", total);
      progress.update(done);
    },
  });
  progress.stop();
  const told = await damageTold(repository, plan.source, findings);
  if (told === null) return;
  const { object, cause, remedy } = told;
  throw refusal({
    op: "restore",
    subject: object,
    cause: `it ${cause.replace(/^it /, "")}; nothing was changed`,
    hint: remedy,
  });
}

export async function restoreBuckets(
  session: StoreSession,
  { snapshot, manifest }: SnapshotSource,
): Promise<Restored["objects"]> {
  const { buckets } = manifest.inventory;
  const none: ObjectsRestored = { written: 0, bytes: 0, kept: 0 };
  if (buckets === null) return { vectors: none, audit: none };
  const resources = await session.target.resources();
  const audit = s3Storage({ ...resources.s3, bucket: resources.buckets.audit, prefix: "" });
  try {
    return {
      vectors: await restoreObjects(snapshot, buckets.vectors, session.bucket, session.signal),
      audit: await restoreObjects(snapshot, buckets.audit, patientStorage(audit), session.signal),
    };
  } finally {
    audit.close();
  }
}

/** The record of an interrupted restore of the same snapshot. */
async function begunBefore(session: StoreSession, plan: RestorePlan): Promise<RestoreRecord | null> {
  const found = await readRestoreRecord(session.bucket, session.steady);
  const isOurs = found?.method === "generation" && found.source === plan.source;
  if (found === null || !isOurs || !isInterrupted(found)) return null;
  const { database, vectors } = await session.target.resources();
  // Interrupted after the Worker took the new stores over and before that was written down.
  const isSwitching = (await readRecord(session.bucket, session.steady)) !== null;
  if (
    found.phase === "begun" &&
    !isSwitching &&
    database.live > found.before.database &&
    vectors.live > found.before.vectors
  ) {
    const { before } = found;
    const moved = {
      database: { from: before.database, to: database.live },
      vectors: { from: before.vectors, to: vectors.live },
    };
    return { ...found, phase: "stores", moved };
  }
  return found;
}

async function switchStores({ situation, source, plan, opened }: RestoreWork, overruling: Overruling) {
  const { session, live } = situation;
  const dimensions = source.manifest.body.stores?.index.dimensions ?? 0;
  if (live === null) {
    const replaced = await replaceLostStores(session, {
      id: `snapshot ${plan.source}`,
      dimensions,
      fillDatabase: async (target) => ({ ...(await fillDatabase(source, plan.migrations, target, overruling)) }),
      vectors: vectorsFromSnapshot(source),
    });
    return { ...replaced, fence_ms: 0, deferred_writes: 0, dropped: [] };
  }
  const fills = fillsFromSnapshot(source, plan.migrations, overruling);
  const { database, vectors, fence_ms, deferred_writes, dropped } = await switchGeneration(session, {
    database: { fill: fills.database },
    vectors: { fill: fills.vectors, dimensions },
    opened,
    by: "ops restore apply",
  });
  if (database === null || vectors === null) throw new Error("both stores were asked for");
  return { database, vectors, fence_ms, deferred_writes, dropped };
}
