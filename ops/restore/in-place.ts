/**
 * The live database brought back where it is: moved back in time by D1 itself, or emptied and loaded from a snapshot. Faster, or
 * possible where a second database is not; but the service sees it, and the way back is Time Travel alone. The index follows.
 */
import { z } from "zod";
import { readMigrations } from "../../infra/migration-files.ts";
import type { D1Connection } from "../d1/connection.ts";
import { quoted, readSchema } from "../d1/schema.ts";
import { fromPacks } from "../generation/copy-vectors.ts";
import { liveIndex, type StoreSession } from "../generation/stores.ts";
import { VectorIndex } from "../generation/vector-index.ts";
import { vectorIds } from "../generation/vector-rows.ts";
import { appliedMigrations, applyMigration } from "../migrate/ledger.ts";
import { afterChange } from "./after-change.ts";
import { configRestored, readConfig, restoreConfig } from "./config.ts";
import { type DerivedCheck, failedCheck } from "./derived-checks.ts";
import { fillDatabase, type SnapshotSource } from "./fills.ts";
import { overtakeIndexVersions, readIndexVersions } from "./index-versions.ts";
import { canBeUndone, interruptedInPlace, type RestoreRecord, writeRestoreRecord } from "./restore-record.ts";
import type { Situation } from "./situation.ts";

type LiveDatabase = NonNullable<Situation["live"]>;

/** Where to: a bookmark of Time Travel, or a snapshot with the migrations that it is behind. */
type Destination =
  | { bookmark: string; state_at: string }
  | { source: SnapshotSource; migrations: readonly string[]; accepts: DerivedCheck | null };

export const vectorsAligned = z.strictObject({ live: z.int(), removed: z.int(), vectors: z.unknown() });

export const restoredInPlace = z.strictObject({
  source: z.string(),
  rto_s: z.number(),
  database: z.strictObject({ live: z.int(), bookmark_before: z.string() }),
  vectors: vectorsAligned,
  config: configRestored,
  snapshot_before: z.string().nullable(),
  /** Checks that failed and were overruled. */
  overruled: z.array(failedCheck),
  /** Whether `ops restore undo` has something to go back to. */
  can_be_undone: z.boolean(),
});
export type RestoredInPlace = z.infer<typeof restoredInPlace>;

/** `to.place`: the repository, as `--repository` takes it. `snapshot_before`: of what is there, made by the caller just now. @throws OpsError: repeat it to go on. */
export async function applyInPlace(
  { session, resources }: Situation,
  live: LiveDatabase,
  to: Destination & { place: string | null },
  snapshot_before: () => Promise<string | null>,
): Promise<RestoredInPlace> {
  const began_ms = session.now();
  const { timeTravel } = session.api.d1.database;
  const at = { account_id: session.account_id };
  const name = "bookmark" in to ? to.bookmark : to.source.snapshot.info.id;
  let record = await interruptedInPlace(session.bucket, name, session.steady);
  if (record === null) {
    record = {
      method: "in place",
      source: name,
      repository: to.place,
      state_at: "bookmark" in to ? to.state_at : new Date(to.source.manifest.summary.state_at_ms).toISOString(),
      phase: "begun",
      begun_at_ms: began_ms,
      had_live: true,
      before: { database: resources.database.live, vectors: resources.vectors.live },
      moved: null,
      snapshot_before: await snapshot_before(),
      bookmark: (await timeTravel.getBookmark(live.id, at)).bookmark ?? null,
      emptied: false,
      needs: await appliedMigrations(live.connection),
      undo_from: null,
      overruled: [],
      index_versions: await readIndexVersions(live.connection),
      config_before: null,
    };
    await writeRestoreRecord(session.bucket, record, session.steady);
  }
  if (record.phase === "begun") {
    const begun = record;
    record = await afterChange(name, "the live database is being changed, and may be incomplete", async () => {
      const changed = "bookmark" in to ? begun : await load(session, live, to, begun);
      if ("bookmark" in to) await travel(session, live, to.bookmark, begun.needs);
      await overtakeIndexVersions(live.connection, begun.index_versions);
      const done = { ...changed, phase: "stores" as const };
      await writeRestoreRecord(session.bucket, done, session.steady);
      return done;
    });
  }
  const changed = record;
  const so_far = "the live database is restored, its index and the configuration are not yet";
  const { vectors, config } = await afterChange(name, so_far, async () => {
    const vectors = await alignVectors(session, live.connection);
    const config =
      "bookmark" in to
        ? { record: changed, written: 0, removed: 0 }
        : await restoreConfig(session, await readConfig(to.source), changed);
    await writeRestoreRecord(session.bucket, { ...config.record, phase: "done" }, session.steady);
    return { vectors, config };
  });
  return {
    source: name,
    rto_s: Math.round((session.now() - began_ms) / 100) / 10,
    database: { live: live.generation, bookmark_before: record.bookmark ?? "" },
    vectors,
    config: { written: config.written, removed: config.removed },
    snapshot_before: record.snapshot_before,
    overruled: record.overruled,
    can_be_undone: canBeUndone(record),
  };
}

/**
 * Back to a bookmark, and forward again to the schema that the deployed Worker had before. `needs`: its migrations; null: those that have
 * run, of a database that was not moved yet.
 */
export async function travel(
  session: StoreSession,
  live: LiveDatabase,
  bookmark: string,
  needs: readonly string[] | null,
): Promise<void> {
  const needed = new Set(needs ?? (await appliedMigrations(live.connection)));
  await session.api.d1.database.timeTravel.restore(live.id, { account_id: session.account_id, bookmark });
  const applied = await appliedMigrations(live.connection);
  for (const migration of readMigrations()) {
    if (needed.has(migration.name) && !applied.includes(migration.name))
      await applyMigration(live.connection, migration);
  }
}

async function load(
  session: StoreSession,
  live: LiveDatabase,
  { source, migrations, accepts }: Exclude<Destination, { bookmark: string }>,
  record: RestoreRecord,
): Promise<RestoreRecord> {
  let kept = record;
  if (!kept.emptied) {
    await empty(live.connection);
    kept = { ...record, emptied: true };
    await writeRestoreRecord(session.bucket, kept, session.steady);
  }
  const target = { target: live, progress: session.progress, signal: session.signal };
  await fillDatabase(source, migrations, target, {
    accepts,
    async record(failed) {
      kept = { ...kept, overruled: [...failed] };
      await writeRestoreRecord(session.bucket, kept, session.steady);
    },
  });
  return kept;
}

/** All of it, in one transaction. */
async function empty(connection: D1Connection): Promise<void> {
  const schema = await readSchema(connection);
  const drop =
    (kind: string) =>
    ({ name }: { name: string }) => ({ sql: `DROP ${kind} IF EXISTS ${quoted(name)}` });
  await connection.batch(
    [
      { sql: "PRAGMA defer_foreign_keys = on" },
      ...schema.triggers.map(drop("TRIGGER")),
      ...schema.views.map(drop("VIEW")),
      ...schema.virtual_tables.map(drop("TABLE")),
      ...schema.tables.toReversed().map(drop("TABLE")),
    ],
    { repeatable: true },
  );
}

/** The live index holds what the database's rows say, no more and no less. */
export async function alignVectors(
  session: StoreSession,
  database: D1Connection,
): Promise<z.infer<typeof vectorsAligned>> {
  const target = liveIndex(await session.target.resources());
  const index = new VectorIndex(session, target.name);
  const surplus = [...(await index.ids()).difference(await vectorIds(database))];
  await index.delete(surplus);
  const { progress, signal, now } = session;
  // Metadata of documents may be older again, so all are written; what is the same stays the same.
  const filling = { state: {}, save: async () => {}, progress, signal, now, session, database, next: null, target };
  const filled = await fromPacks.prepare(filling);
  return { live: target.generation, removed: surplus.length, vectors: filled.vectors };
}
