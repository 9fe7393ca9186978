/** Where an export gets its content: a snapshot that must be whole, or what can still be read of a damaged one. */
import { encodeRow, hashRow, type Row } from "../../d1/row-codec.ts";
import {
  type BucketSummary,
  readInventory,
  readManifest,
  readSummary,
  type SnapshotManifest,
  type TableSummary,
} from "../manifest.ts";
import { DamagedObject } from "../repository/damage.ts";
import type { Snapshot } from "../repository/repository.ts";
import { readObjects } from "../snapshot/bucket-copy.ts";
import { readTable } from "../snapshot/read-table.ts";
import { asKeyHash, findRowHashes, hashKey } from "../snapshot/row-hashes.ts";

/** What a snapshot says of itself; `body` is null where it cannot be read: definitions of tables are there alone. */
export type ExportManifest = Pick<SnapshotManifest, "summary" | "inventory"> & {
  body: SnapshotManifest["body"] | null;
};

/** A part that cannot be read. */
interface LostPart {
  /** Its key in the repository. */
  object: string;
  cause: string;
}

export interface ExportSource {
  readonly info: Snapshot["info"];
  /** For the head of its files. */
  readonly about: string;
  readonly manifest: ExportManifest;
  rows(table: TableSummary): AsyncGenerator<Row[], void>;
  objects(bucket: BucketSummary): AsyncGenerator<{ key: string; body: Uint8Array }, void>;
  /** Null where it cannot be read. */
  part(id: string): Promise<Uint8Array | null>;
  /** All parts of the snapshot that cannot be read, also those that nobody asked for. */
  damage(): Promise<LostPart[]>;
}

/** @throws OpsError when a part is damaged: here, or where it is read. */
export async function wholeSource(snapshot: Snapshot): Promise<ExportSource> {
  return {
    info: snapshot.info,
    about: `Snapshot ${snapshot.info.id}`,
    manifest: await readManifest(snapshot),
    rows: (table) => readTable(snapshot, table),
    objects: (bucket) => readObjects(snapshot, bucket),
    part: (id) => snapshot.readPart(id),
    damage: async () => [],
  };
}

/**
 * Leaves out what cannot be read. Nothing that it gives is of another state: of a table that lost changes it gives only rows whose hash
 * is the snapshot's. @throws DamagedObject when the inventory is damaged, without which no part has a name.
 */
export async function salvageSource(snapshot: Snapshot): Promise<ExportSource> {
  const seen = new Map<string, LostPart | null>();
  const part = async (id: string): Promise<Uint8Array | null> => {
    if (isLost(id)) return null;
    try {
      const bytes = await snapshot.readPart(id);
      seen.set(id, null);
      return bytes;
    } catch (error) {
      if (!(error instanceof DamagedObject)) throw error;
      seen.set(id, { object: error.object, cause: error.parts.cause });
      return null;
    }
  };
  const isLost = (id: string): boolean => (seen.get(id) ?? null) !== null;
  const missesAny = async (ids: readonly string[]): Promise<boolean> => {
    for (const id of ids) if (!seen.has(id)) await part(id);
    return ids.some(isLost);
  };
  // Objects begin at an offset, so what is lost leaves a gap; rows follow each other.
  const readPart = async (id: string): Promise<Uint8Array> => {
    const { kind, plain_bytes } = snapshot.parts.get(id) ?? { kind: "", plain_bytes: 0 };
    return (await part(id)) ?? new Uint8Array(kind === "objects" ? plain_bytes : 0);
  };
  return {
    info: snapshot.info,
    about: `What could be read of snapshot ${snapshot.info.id}: lost.json, where there is one, names what is missing`,
    manifest: await readWhatIsLeft(snapshot),
    async *rows(table) {
      const isStale = await missesAny(table.layers.flat());
      // Neither the changes nor all hashes: nothing tells its rows from older ones.
      if (isStale && (await missesAny(table.hashes))) return;
      for await (const batch of readTable({ readPart }, table))
        yield isStale ? await proven(batch, table, readPart) : batch;
    },
    async *objects(bucket) {
      for await (const object of readObjects({ readPart }, bucket)) if (!object.parts.some(isLost)) yield object;
    },
    part,
    async damage() {
      await missesAny([...snapshot.parts.keys()]);
      return [...seen.values()].filter((one) => one !== null);
    },
  };
}

async function readWhatIsLeft(snapshot: Snapshot): Promise<ExportManifest> {
  const inventory = await readInventory(snapshot);
  try {
    return await readManifest(snapshot);
  } catch (error) {
    if (!(error instanceof DamagedObject)) throw error;
    return { summary: readSummary(snapshot), inventory, body: null };
  }
}

/** Those of the rows that are the snapshot's, by its own list of hashes. */
async function proven(
  rows: readonly Row[],
  table: TableSummary,
  readPart: (id: string) => Promise<Uint8Array>,
): Promise<Row[]> {
  const places = table.key.map((name) => table.columns.indexOf(name));
  const keyed = rows.map((row) => {
    const key = encodeRow(places.map((place) => row[place] ?? null));
    return { row, key: asKeyHash(hashKey(key)) };
  });
  const parts = async function* () {
    for (const id of table.hashes) yield await readPart(id);
  };
  const hashes = await findRowHashes(parts(), new Set(keyed.map(({ key }) => key)));
  return keyed.flatMap(({ row, key }) => (hashes.get(key)?.equals(hashRow(encodeRow(row))) ? [row] : []));
}
