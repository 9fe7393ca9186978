/**
 * Some rows of a snapshot's table by their keys, without reading the table: the parts of a base and of each layer are in key order, so
 * halving finds those that can hold a key. A table whose order is SQLite's own affair is read whole.
 */
import type { Cell, Row } from "../../d1/row-codec.ts";
import type { TableSummary } from "../manifest.ts";
import { compareKeys } from "./key-order.ts";
import { basePart, layerPart, nameOf, readTable, type Source, type StoredRow } from "./read-table.ts";

/** Keys that are still looked for, by name. */
type Wanted = ReadonlyMap<string, readonly Cell[]>;

/**
 * The row of each of `keys`; null where there is none. Cells in the order of `table.columns`.
 * @throws OpsError when a part is missing or damaged or the key at hand cannot read, RangeError when its bytes are no rows.
 */
export async function findRows(
  snapshot: Source,
  table: TableSummary,
  keys: readonly Cell[][],
): Promise<(Row | null)[]> {
  const wanted = new Map(keys.map((key) => [nameOf({ key }), key]));
  const found = new Map<string, Row | null>();
  if (table.ordered) await findOrdered(snapshot, table, wanted, found);
  else await findByReading(snapshot, table, wanted, found);
  return keys.map((key) => found.get(nameOf({ key })) ?? null);
}

/** From the newest layer down: what a layer says of a key is not asked of those below it. */
async function findOrdered(
  snapshot: Source,
  table: TableSummary,
  wanted: Wanted,
  found: Map<string, Row | null>,
): Promise<void> {
  const left = () => new Map([...wanted].filter(([name]) => !found.has(name)));
  for (const layer of table.layers.toReversed())
    await halve(layer, left(), found, async (id) => [...layerPart(await snapshot.readPart(id))]);
  await halve(table.base, left(), found, async (id) => [...basePart(table, await snapshot.readPart(id))]);
}

/** Reads the part in the middle, and goes on in the halves where a key can still be: no part is read twice. */
async function halve(
  parts: readonly string[],
  wanted: Wanted,
  found: Map<string, Row | null>,
  read: (id: string) => Promise<StoredRow[]>,
): Promise<void> {
  const middle = parts.length >> 1;
  const id = parts[middle];
  if (id === undefined || wanted.size === 0) return;
  const rows = await read(id);
  for (const { key, row } of rows) {
    const name = nameOf({ key });
    if (wanted.has(name)) found.set(name, row);
  }
  const [first, last] = [rows[0], rows.at(-1)];
  if (first === undefined || last === undefined) return;
  const those = (isWanted: (key: readonly Cell[]) => boolean) =>
    new Map([...wanted].filter(([, key]) => isWanted(key)));
  const before = those((key) => compareKeys(key, first.key) < 0);
  const after = those((key) => compareKeys(key, last.key) > 0);
  await halve(parts.slice(0, middle), before, found, read);
  await halve(parts.slice(middle + 1), after, found, read);
}

async function findByReading(
  snapshot: Source,
  table: TableSummary,
  wanted: Wanted,
  found: Map<string, Row | null>,
): Promise<void> {
  const places = table.key.map((name) => table.columns.indexOf(name));
  for await (const rows of readTable(snapshot, table)) {
    for (const row of rows) {
      const name = nameOf({ key: places.map((place) => row[place] ?? null) });
      if (wanted.has(name)) found.set(name, row);
    }
  }
}
