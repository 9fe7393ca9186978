/** A real restore of a snapshot's rows into a scratch SQLite file, and every check that SQLite has for the result. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { counted } from "../../worker/ground/counted.ts";
import type { SnapshotManifest } from "../backup/manifest.ts";
import type { Snapshot } from "../backup/repository/repository.ts";
import type { D1Connection } from "../d1/connection.ts";
import { queryTexts } from "../d1/query.ts";
import { sqliteD1 } from "../d1/sqlite-connection.ts";
import { compareDatabase, type DatabaseComparison } from "./compare-database.ts";
import { comparePacks, type PackComparison } from "./compare-packs.ts";
import { shownCheck } from "./derived-checks.ts";
import { isFoundByItsWords } from "./found-by-words.ts";
import { type LoadHooks, loadDatabase } from "./load-database.ts";

/** Every word of the index is compared with its row before; this is a search as callers do it. */
const SEARCHED_CHUNKS = 20;

export interface ScratchRestore extends Omit<DatabaseComparison, "failed_checks"> {
  /** Null where the snapshot holds no vector packs. */
  packs: PackComparison | null;
  seconds: number;
}

/**
 * Restores, compares, and leaves nothing behind. Needs as much room in the temporary folder as the database has bytes.
 * @throws OpsError when a part is damaged or the rows cannot be loaded; what merely differs is in `differences`.
 */
export async function restoreIntoScratch(
  snapshot: Snapshot,
  manifest: SnapshotManifest,
  hooks: LoadHooks,
): Promise<ScratchRestore> {
  const began_ms = performance.now();
  const folder = await mkdtemp(join(tmpdir(), "prism-verify-"));
  const database = new DatabaseSync(join(folder, "scratch.sqlite"));
  try {
    // Nobody needs this file after a crash.
    database.exec("PRAGMA journal_mode = off; PRAGMA synchronous = off");
    const connection = sqliteD1(database);
    await loadDatabase(snapshot, manifest, connection, hooks);
    const faults = [...pragma(database, "integrity_check").filter((line) => line !== "ok"), ...foreignKeys(database)];
    const { failed_checks, ...compared } = await compareDatabase(connection, manifest, hooks);
    const { buckets } = manifest.inventory;
    const packs =
      buckets === null || manifest.inventory.database.vector_ids === null
        ? null
        : await comparePacks(snapshot, buckets.vectors, connection, hooks.signal);
    // Chunks have vectors: it is a database of the Worker's, which searches them by words.
    const misses = packs === null ? [] : await missesByWords(connection);
    return {
      ...compared,
      packs,
      differences: [
        ...faults,
        ...compared.differences,
        ...failed_checks.map(shownCheck),
        ...(packs?.differences ?? []),
        ...misses,
      ],
      seconds: Math.round((performance.now() - began_ms) / 100) / 10,
    };
  } finally {
    database.close();
    await rm(folder, { recursive: true, force: true });
  }
}

async function missesByWords(connection: D1Connection): Promise<string[]> {
  const samples = `SELECT CAST(id AS TEXT) FROM chunks ORDER BY id LIMIT ${SEARCHED_CHUNKS}`;
  const misses: string[] = [];
  for (const id of await queryTexts(connection, samples)) {
    if (!(await isFoundByItsWords(connection, id))) misses.push(`chunk ${id} is not found by its own words`);
  }
  return misses;
}

function pragma(database: DatabaseSync, name: string): string[] {
  return database
    .prepare(`PRAGMA ${name}`)
    .all()
    .map((row) => Object.values(row).map(String).join(" "));
}

function foreignKeys(database: DatabaseSync): string[] {
  const broken = pragma(database, "foreign_key_check");
  return broken.length === 0
    ? []
    : [`${counted(broken.length, "row")} with a foreign key of nothing, the first: ${broken[0]}`];
}
