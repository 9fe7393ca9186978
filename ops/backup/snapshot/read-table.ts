/** A table's rows out of a snapshot: the base with its layers laid over it, in key order, a few parts in memory at a time. */
import { type Cell, decodeRow, encodeRow, type Row } from "../../d1/row-codec.ts";
import { READ_BATCH_BYTES } from "../../limits.ts";
import type { TableSummary } from "../manifest.ts";
import type { Snapshot } from "../repository/repository.ts";
import { decodeChanges, decodeRows } from "./frames.ts";
import { compareKeys } from "./key-order.ts";
import { readAhead } from "./read-ahead.ts";

export interface StoredRow {
  key: Cell[];
  /** Null: the row is gone. */
  row: Row | null;
  bytes: number;
}

export type Source = Pick<Snapshot, "readPart">;

/**
 * Batches of rows, cells in the order of `table.columns`; in key order where the table is `ordered`.
 * @throws OpsError when a part is missing or damaged or the key cannot read, RangeError when its bytes are no rows.
 */
export async function* readTable(snapshot: Source, table: TableSummary): AsyncGenerator<Row[], void> {
  const merged = table.ordered ? merge(snapshot, table) : overlay(snapshot, table);
  let batch: Row[] = [];
  let bytes = 0;
  for await (const stored of merged) {
    if (stored.row === null) continue;
    batch.push(stored.row);
    bytes += stored.bytes;
    if (bytes < READ_BATCH_BYTES) continue;
    yield batch;
    batch = [];
    bytes = 0;
  }
  if (batch.length > 0) yield batch;
}

/** Two ways at a time: the newest layer over all that is below it. */
function merge(snapshot: Source, table: TableSummary): AsyncGenerator<StoredRow, void> {
  let below = baseRows(snapshot, table);
  for (const layer of table.layers) below = laidOver(below, layerRows(snapshot, layer));
  return below;
}

async function* laidOver(
  below: AsyncGenerator<StoredRow, void>,
  layer: AsyncGenerator<StoredRow, void>,
): AsyncGenerator<StoredRow, void> {
  let change = (await layer.next()).value;
  for await (const stored of below) {
    let order = change ? compareKeys(change.key, stored.key) : 1;
    while (change && order < 0) {
      yield change;
      change = (await layer.next()).value;
      order = change ? compareKeys(change.key, stored.key) : 1;
    }
    if (change && order === 0) {
      yield change;
      change = (await layer.next()).value;
    } else yield stored;
  }
  if (change) {
    yield change;
    yield* layer;
  }
}

/** For a table whose order is SQLite's own affair: such a one is copied whole each time, so its layers are small. */
async function* overlay(snapshot: Source, table: TableSummary): AsyncGenerator<StoredRow, void> {
  const changes = new Map<string, StoredRow>();
  for (const layer of table.layers) {
    for await (const change of layerRows(snapshot, layer)) changes.set(nameOf(change), change);
  }
  for await (const stored of baseRows(snapshot, table)) {
    const name = nameOf(stored);
    const change = changes.get(name);
    changes.delete(name);
    yield change ?? stored;
  }
  yield* changes.values();
}

/** What a key is looked up by. */
export function nameOf({ key }: Pick<StoredRow, "key">): string {
  return encodeRow(key).toString("latin1");
}

async function* baseRows(snapshot: Source, table: TableSummary): AsyncGenerator<StoredRow, void> {
  for await (const part of readAhead(snapshot, table.base)) yield* basePart(table, part);
}

async function* layerRows(snapshot: Source, parts: readonly string[]): AsyncGenerator<StoredRow, void> {
  for (const id of parts) yield* layerPart(await snapshot.readPart(id));
}

/** The rows of a part of a table's base. @throws RangeError when its bytes are no rows. */
export function* basePart(table: Pick<TableSummary, "key" | "columns">, part: Uint8Array): Generator<StoredRow, void> {
  const places = table.key.map((name) => table.columns.indexOf(name));
  for (const bytes of decodeRows(part)) {
    const { row } = decodeRow(bytes);
    yield { key: places.map((place) => row[place] ?? null), row, bytes: bytes.length };
  }
}

/** The rows of a part of a layer. @throws RangeError when its bytes are no changes. */
export function* layerPart(part: Uint8Array): Generator<StoredRow, void> {
  for (const { key, row } of decodeChanges(part)) {
    yield { key: decodeRow(key).row, row: row && decodeRow(row).row, bytes: row?.length ?? 0 };
  }
}
