/**
 * The rows and the schema of a snapshot into a database that is empty, or that an interrupted load of the same snapshot began.
 *
 * A table's rows go in in the order of its key, so the last key that is there is the record of how far it is: it is in the
 * target in the same transaction as the rows. Triggers come last, all at once: where they are, the load is complete.
 */

import type { SnapshotBody, SnapshotManifest, TableSummary } from "../backup/manifest.ts";
import type { Snapshot } from "../backup/repository/repository.ts";
import { compareKeys } from "../backup/snapshot/key-order.ts";
import { readTable } from "../backup/snapshot/read-table.ts";
import { OpsError } from "../command/errors.ts";
import type { D1Connection } from "../d1/connection.ts";
import { lastKey } from "../d1/last-key.ts";
import { beginLoad, finishLoad } from "../d1/load.ts";
import { queryTexts } from "../d1/query.ts";
import type { Cell, Row } from "../d1/row-codec.ts";
import type { Schema } from "../d1/schema.ts";
import { writeRows } from "../d1/write-rows.ts";
import { isFenceTrigger } from "../generation/fence.ts";
import { LOAD_ATTEMPTS_MAX } from "../limits.ts";

export interface LoadHooks {
  signal: AbortSignal;
  /** Hears what is made of the rows once they are in. */
  on_step?(step: string): void;
  /** Hears of rows that are in the target, in all. */
  on_rows?(rows: number): void;
}

/**
 * Where D1 leaves open whether it did something, the next of a few attempts looks and goes on.
 * @throws OpsError when a part is damaged or the target holds something else, and in D1's words. Repeat it to go on.
 */
export async function loadDatabase(...load: Parameters<typeof attempt>): Promise<void> {
  for (let attempts = 1; ; attempts += 1) {
    try {
      return await attempt(...load);
    } catch (error) {
      if (!(error instanceof OpsError && error.is_unclear) || attempts === LOAD_ATTEMPTS_MAX) throw error;
    }
  }
}

async function attempt(
  snapshot: Pick<Snapshot, "readPart">,
  manifest: Pick<SnapshotManifest, "inventory" | "body">,
  connection: D1Connection,
  hooks: LoadHooks,
): Promise<void> {
  const schema = snapshotSchema(manifest);
  if (await isLoaded(connection, schema)) return;
  const load = await beginLoad(connection, schema);
  let done = 0;
  for (const table of schema.tables) {
    const held = manifest.inventory.database.tables.find(({ name }) => name === table.name);
    if (held === undefined) continue;
    const target = load.target(table);
    const last = held.ordered ? await lastKey(connection, target) : undefined;
    const rows = last === undefined ? readTable(snapshot, held) : rowsAfter(last, snapshot, held);
    await writeRows(connection, target, counted(rows, hooks, done));
    done += held.rows;
    hooks.on_rows?.(done);
  }
  const sequences = manifest.body.database.sequences.map(({ table, seq }) => ({ table, last: BigInt(seq) }));
  await finishLoad(connection, load, sequences, (step) => {
    hooks.signal.throwIfAborted();
    hooks.on_step?.(step);
  });
}

/** The schema that the snapshot holds, without what belonged to a fence at that moment. */
export function snapshotSchema({ body }: { body: Pick<SnapshotBody, "database"> }): Schema {
  const { schema } = body.database;
  return { ...schema, triggers: schema.triggers.filter((trigger) => !isFenceTrigger(trigger)) };
}

async function isLoaded(connection: D1Connection, { triggers }: Schema): Promise<boolean> {
  if (triggers.length === 0) return false;
  const there = new Set(await queryTexts(connection, "SELECT name FROM sqlite_schema WHERE type = 'trigger'"));
  return triggers.every(({ name }) => there.has(name));
}

async function* counted(pages: AsyncIterable<Row[]>, { signal, on_rows }: LoadHooks, before: number) {
  let done = before;
  for await (const page of pages) {
    signal.throwIfAborted();
    yield page;
    done += page.length;
    on_rows?.(done);
  }
}

async function* rowsAfter(
  last: readonly Cell[],
  snapshot: Pick<Snapshot, "readPart">,
  table: TableSummary,
): AsyncGenerator<Row[], void> {
  const places = table.key.map((name) => table.columns.indexOf(name));
  for await (const page of readTable(snapshot, table)) {
    const rest = page.filter(
      (row) =>
        compareKeys(
          places.map((place) => row[place] ?? null),
          last,
        ) > 0,
    );
    if (rest.length > 0) yield rest;
  }
}
