/** Whether a snapshot may continue the one before, as a whole and table by table, and why not. Pure. */
import type { Table } from "../../d1/schema.ts";
import { LAYER_BYTES_MIN, LAYER_SHARE_MAX, LAYERS_MAX } from "../../limits.ts";
import type { SnapshotInventory, TableSummary } from "../manifest.ts";
import type { DatabaseLook } from "./database-look.ts";

type Seen = Pick<DatabaseLook, "has_marks" | "has_log" | "is_marked" | "log_first" | "log_head" | "shapes">;

/** Why nothing of the base can be continued; null when it can. */
export function brokenDescent(seen: Seen, base: SnapshotInventory | null, asked_full: boolean): string | null {
  if (asked_full) return "a full snapshot was asked for";
  if (base === null) return "it is the first snapshot of this repository";
  const { mark, log_seq } = base.database;
  if (!seen.has_log) return "the database has no change log";
  if (!seen.has_marks || mark === null || log_seq === null) return "the database keeps no marks of backups";
  if (!seen.is_marked)
    return "the last snapshot's mark is not in the database: it was moved back in time, or is another one";
  if (seen.log_head < log_seq) return `the change log ends at ${seen.log_head}, before the last snapshot (${log_seq})`;
  const oldest = seen.log_first ?? seen.log_head + 1;
  if (oldest > log_seq + 1)
    return `the change log was trimmed up to ${oldest - 1}, beyond the last snapshot (${log_seq})`;
  return null;
}

/** How the base holds a table, if its changes can be put on top; null for a whole copy. */
export function keptTable(table: Table, seen: Seen, base: SnapshotInventory): TableSummary | null {
  const held = base.database.tables.find(({ name }) => name === table.name);
  if (held === undefined || !table.is_logged || !held.ordered || held.consistency !== "exact") return null;
  if (held.shape !== seen.shapes.get(table.name)) return null;
  const isWorn =
    held.layers.length >= LAYERS_MAX || held.layer_bytes > Math.max(LAYER_BYTES_MIN, held.base_bytes * LAYER_SHARE_MAX);
  return isWorn ? null : held;
}
