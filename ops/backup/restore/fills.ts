/**
 * How a new generation is filled from a snapshot, for `switchGeneration` and for a stack whose stores are gone.
 *
 * The database is compared with the snapshot before anything is done to it that the snapshot does not say: migrations that
 * the deployed Worker needs, and index versions that caches may not meet a second time.
 */
import { readMigrations } from "../../../infra/migration-files.ts";
import type { D1Connection } from "../../d1/connection.ts";
import { OpsError } from "../../errors.ts";
import { fromPacks } from "../../generation/copy-vectors.ts";
import { markFenceLifted } from "../../generation/fence.ts";
import type { DatabaseFill, DatabaseFilling, VectorsFill } from "../../generation/fill.ts";
import { appliedMigrations, applyMigration } from "../../migrate/ledger.ts";
import type { Progress } from "../../progress.ts";
import type { SnapshotManifest } from "../manifest.ts";
import type { Snapshot } from "../repository/repository.ts";
import { compareDatabase, type DatabaseComparison } from "./compare-database.ts";
import { overtakeIndexVersions, readIndexVersions } from "./index-versions.ts";
import { loadDatabase } from "./load-database.ts";

export interface SnapshotSource {
  snapshot: Snapshot;
  manifest: SnapshotManifest;
}

/** What a fill needs of the work on a generation; the live database is not among it, for it may be gone. */
export type DatabaseTarget = Pick<DatabaseFilling, "target" | "progress" | "signal">;

/** Loads the snapshot and compares it, then runs `migrations` that it is behind. Repeated, it goes on. */
export async function fillDatabase(
  { snapshot, manifest }: SnapshotSource,
  migrations: readonly string[],
  { target, progress, signal }: DatabaseTarget,
): Promise<Omit<DatabaseComparison, "differences">> {
  const { rows } = manifest.summary.database;
  const applied = await appliedMigrations(target.connection);
  // Once migrated it is not what the snapshot says any more; it was compared before that.
  const isBehind = !migrations.some((name) => applied.includes(name));
  let compared = { tables: 0, rows, full_text_indexes: 0 };
  if (isBehind) {
    await loadDatabase(snapshot, manifest, target.connection, hooks(progress, signal, "restore", rows));
    const { differences, ...counts } = await compareDatabase(
      target.connection,
      manifest,
      hooks(progress, signal, "compare", rows),
    );
    if (differences.length > 0) throw unequal(target.name, differences);
    compared = counts;
  }
  progress.stop();
  for (const migration of readMigrations()) {
    if (!migrations.includes(migration.name) || applied.includes(migration.name)) continue;
    await applyMigration(target.connection, migration);
  }
  return compared;
}

function hooks(progress: Progress, signal: AbortSignal, verb: string, total: number) {
  progress.start(`${verb} rows`, total);
  return { signal, on_step: () => {}, on_rows: (rows: number) => progress.update(rows) };
}

/** For a switch beside a living database. */
export function databaseFromSnapshot(source: SnapshotSource, migrations: readonly string[]): DatabaseFill {
  return {
    id: fillId(source),
    name: `snapshot ${source.snapshot.info.id}`,
    prepare: async (filling) => ({ name: filling.target.name, ...(await fillDatabase(source, migrations, filling)) }),
    async finish({ source: live, target, fence }) {
      await overtakeIndexVersions(target.connection, await readIndexVersions(live.connection));
      await markFenceLifted(target.connection, fence);
      return {};
    },
  };
}

/** `database`: finds the restored one, once it is there; null: it is the one that the filling names. */
export function vectorsFromSnapshot(
  source: SnapshotSource,
  database: (() => Promise<D1Connection>) | null,
): VectorsFill {
  return {
    id: fillId(source),
    name: `packs of snapshot ${source.snapshot.info.id}`,
    prepare: async (filling) =>
      fromPacks.prepare(database === null ? filling : { ...filling, database: await database() }),
    finish: async () => ({}),
    settle: (filling) => fromPacks.settle?.(filling) ?? Promise.resolve({}),
  };
}

function fillId({ snapshot }: SnapshotSource): string {
  return `snapshot ${snapshot.info.id}`;
}

function unequal(name: string, differences: readonly string[]): OpsError {
  return new OpsError({
    op: "verify",
    subject: name,
    cause: `what was restored differs from the snapshot: ${differences.join("; ")}`,
    hint: "nothing was switched; npm run ops -- generation cancel, then take another snapshot, and report it",
  });
}
