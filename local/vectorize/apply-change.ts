/** What a mutation does to an index, in the file and in memory, once its time has come. */
import { VECTORIZE_APPLY_SLICE } from "../limits.ts";
import type { StoredIndex, VectorizeDatabase } from "./database.ts";
import { indexedPart } from "./filter.ts";
import type { VectorTable } from "./table.ts";
import type { Change } from "./types.ts";

/** A change as short pieces of work, each for one transaction, between which Node may serve requests. */
export function* changeSteps(
  db: VectorizeDatabase,
  index: StoredIndex,
  table: VectorTable,
  change: Change,
): Generator<() => void> {
  switch (change.kind) {
    case "insert":
    case "upsert":
      for (let start = 0; start < change.entries.length; start += VECTORIZE_APPLY_SLICE) {
        yield () => write(db, index, table, change, start);
      }
      break;
    case "delete":
      yield () => {
        db.deleteVectors(index.key, change.ids);
        for (const id of change.ids) table.delete(id);
      };
      break;
    case "create_metadata_index":
      yield () => {
        const { propertyName } = change.metadata_index;
        // The API takes a second one for the same property; it changes nothing.
        if (index.metadata_indexes.some((existing) => existing.propertyName === propertyName)) return;
        index.metadata_indexes = [...index.metadata_indexes, change.metadata_index];
      };
      break;
    case "delete_metadata_index":
      yield () => {
        index.metadata_indexes = index.metadata_indexes.filter(({ propertyName }) => propertyName !== change.property);
        db.dropIndexed(index.key, change.property);
        table.dropIndexed(change.property);
      };
      break;
  }
}

function write(
  db: VectorizeDatabase,
  index: StoredIndex,
  table: VectorTable,
  change: Change & { kind: "insert" | "upsert" },
  start: number,
): void {
  const { dimensions } = index.config;
  const writeRow = db.vectorWriter(index.key);
  change.entries.slice(start, start + VECTORIZE_APPLY_SLICE).forEach((entry, offset) => {
    if (change.kind === "insert" && table.has(entry.id)) return;
    const at = (start + offset) * dimensions;
    const values = change.values.subarray(at, at + dimensions);
    const metadata = entry.metadata === null ? {} : (JSON.parse(entry.metadata) as Record<string, unknown>);
    const indexed = indexedPart(metadata, index.metadata_indexes);
    writeRow(entry, values, indexed);
    table.set(entry.id, entry.namespace, values, indexed);
  });
}
