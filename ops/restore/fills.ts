/**
 * How a new generation is filled from a snapshot, for `switchGeneration` and for a stack whose stores are gone.
 *
 * The database is compared with the snapshot before anything is done to it that the snapshot does not say: migrations that
 * the deployed Worker needs, and index versions that caches may not meet a second time.
 */
import { readMigrations } from "../../infra/migration-files.ts";
import type { SnapshotManifest } from "../backup/manifest.ts";
import type { Snapshot } from "../backup/repository/repository.ts";
import type { Progress } from "../command/progress.ts";
import type { D1Connection } from "../d1/connection.ts";
import { fromPacks } from "../generation/copy-vectors.ts";
import { markFenceLifted } from "../generation/fence.ts";
import type { DatabaseFill, DatabaseFilling, VectorsFill } from "../generation/fill.ts";
import { appliedMigrations, applyMigration } from "../migrate/ledger.ts";
import { compareDatabase, type DatabaseComparison } from "./compare-database.ts";
import { judge, type Overruling, UnequalRestore } from "./derived-checks.ts";
import { overtakeIndexVersions, readIndexVersions } from "./index-versions.ts";
import { loadDatabase } from "./load-database.ts";

export interface SnapshotSource {
  snapshot: Snapshot;
  manifest: SnapshotManifest;
}

/** What a fill needs of the work on a generation; the live database is not among it, for it may be gone. */
export type DatabaseTarget = Pick<DatabaseFilling, "target" | "progress" | "signal">;

/**
 * Loads the snapshot and compares it, then runs `migrations` that it is behind. Repeated, it goes on.
 * @throws UnequalRestore when rows differ, or a check failed that is not overruled.
 */
export async function fillDatabase(
  { snapshot, manifest }: SnapshotSource,
  migrations: readonly string[],
  { target, progress, signal }: DatabaseTarget,
  overruling: Overruling,
): Promise<Omit<DatabaseComparison, "differences" | "failed_checks">> {
  const { rows } = manifest.summary.database;
  const applied = await appliedMigrations(target.connection);
  // Once migrated it is not what the snapshot says any more; it was compared before that.
  const isBehind = !migrations.some((name) => applied.includes(name));
  let compared = { tables: 0, rows, full_text_indexes: 0 };
  if (isBehind) {
    await loadDatabase(snapshot, manifest, target.connection, hooks(progress, signal, "restore", rows));
    const { differences, failed_checks, ...counts } = await compareDatabase(
      target.connection,
      manifest,
      hooks(progress, signal, "compare", rows),
    );
    if (differences.length > 0) throw unequal(target.name, differences);
    await judge(target.name, failed_checks, overruling);
    compared = counts;
  }
  progress.stop();
  await migrate(target.connection, migrations);
  return compared;
}

async function migrate(connection: D1Connection, migrations: readonly string[]): Promise<void> {
  const applied = await appliedMigrations(connection);
  for (const migration of readMigrations()) {
    if (migrations.includes(migration.name) && !applied.includes(migration.name))
      await applyMigration(connection, migration);
  }
}

function hooks(progress: Progress, signal: AbortSignal, verb: string, total: number) {
  progress.start(`${verb} rows`, total);
  return { signal, on_rows: (rows: number) => progress.update(rows) };
}

/** For a switch beside a living database; the index is filled by the rows of the restored one. */
export function fillsFromSnapshot(
  source: SnapshotSource,
  migrations: readonly string[],
  overruling: Overruling,
): { database: DatabaseFill; vectors: VectorsFill } {
  let restored: D1Connection | undefined;
  const vectors = vectorsFromSnapshot(source);
  return {
    database: {
      id: fillId(source),
      name: `snapshot ${source.snapshot.info.id}`,
      async prepare(filling) {
        const { name, connection } = filling.target;
        restored = connection;
        const { rows } = source.manifest.summary.database;
        // `finish` changes what the snapshot says: a run that was cut off there must not compare again.
        if (filling.state.copied) {
          // A release that was deployed since may need more of them.
          await migrate(connection, migrations);
          return { name, tables: 0, rows, full_text_indexes: 0 };
        }
        const filled = await fillDatabase(source, migrations, filling, overruling);
        filling.state.copied = true;
        await filling.save();
        return { name, ...filled };
      },
      async finish({ source: live, target, fence, state }) {
        state.seq = RESTORED;
        await overtakeIndexVersions(target.connection, await readIndexVersions(live.connection));
        await markFenceLifted(target.connection, fence);
        return {};
      },
    },
    vectors: {
      ...vectors,
      prepare: (filling) => vectors.prepare({ ...filling, database: restored ?? filling.database }),
    },
  };
}

/** The filling names the restored database. */
export function vectorsFromSnapshot(source: SnapshotSource): VectorsFill {
  return {
    id: fillId(source),
    name: `packs of snapshot ${source.snapshot.info.id}`,
    prepare: (filling) => fromPacks.prepare(filling),
    async finish({ state }) {
      state.seq = RESTORED;
      return {};
    },
    async settle(filling) {
      filling.state.seq = source.manifest.inventory.database.log_seq ?? 0;
      return (await fromPacks.settle?.(filling)) ?? {};
    },
  };
}

/** In the way back, instead of a number of the change log: what was live has another history, which no replay continues. */
export const RESTORED = -1;

function fillId({ snapshot }: SnapshotSource): string {
  return `snapshot ${snapshot.info.id}`;
}

function unequal(name: string, differences: readonly string[]): UnequalRestore {
  return new UnequalRestore({
    op: "verify",
    subject: name,
    cause: `what was restored differs from the snapshot: ${differences.join("; ")}`,
    hint: "nothing was switched; npm run ops -- generation cancel, then take another snapshot, and report it",
  });
}
