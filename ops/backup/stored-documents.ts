/** The service's documents out of a snapshot: a list of them, and the text of one, without reading what other documents hold. */
import { z } from "zod";
import { type OpsError, refusal } from "../command/errors.ts";
import type { Cell, Row } from "../d1/row-codec.ts";
import type { SnapshotManifest, TableSummary } from "./manifest.ts";
import type { Snapshot } from "./repository/repository.ts";
import { findRows } from "./snapshot/find-rows.ts";
import { readTable } from "./snapshot/read-table.ts";

const storedDocument = z
  .object({
    tenant: z.string(),
    external_id: z.string(),
    title: z.string(),
    url: z.string().nullable(),
    format: z.string(),
    metadata: z.string(),
    content_hash: z.string(),
    chunk_ids: z.string(),
    version: z.bigint(),
    created_at_ms: z.bigint(),
    updated_at_ms: z.bigint(),
  })
  .transform(({ external_id, chunk_ids, version, created_at_ms, updated_at_ms, ...same }) => ({
    ...same,
    id: external_id,
    chunk_ids: z.array(z.int()).parse(JSON.parse(chunk_ids)),
    version: Number(version),
    created_at_ms: Number(created_at_ms),
    updated_at_ms: Number(updated_at_ms),
  }));
export type StoredDocument = z.output<typeof storedDocument>;

/**
 * All documents of all tenants, in the order in which they were first written.
 * @throws OpsError when the snapshot has no such table, a part is damaged, or the key at hand cannot read.
 */
export async function* documentsIn(
  snapshot: Snapshot,
  { inventory }: Pick<SnapshotManifest, "inventory">,
): AsyncGenerator<StoredDocument, void> {
  const table = tableOf(snapshot, inventory, "documents");
  for await (const rows of readTable(snapshot, table)) {
    for (const row of rows) {
      const parsed = storedDocument.safeParse(named(table, row));
      if (!parsed.success)
        throw unreadable(snapshot, "a row of its table documents is not one that this release knows");
      yield parsed.data;
    }
  }
}

/** The text as it was written. @throws OpsError as `documentsIn`, and when a chunk of it is not there. */
export async function textOf(
  snapshot: Snapshot,
  { inventory }: Pick<SnapshotManifest, "inventory">,
  { id, chunk_ids }: Pick<StoredDocument, "id" | "chunk_ids">,
): Promise<string> {
  const table = tableOf(snapshot, inventory, "chunks");
  const keys = chunk_ids.map((chunk) => [BigInt(chunk)]);
  const chunks = await findRows(snapshot, table, keys);
  return chunks
    .map((row, index) => {
      // Older snapshots have no column `original`, newer ones have null where both are the same.
      const { original, text } = row === null ? {} : named(table, row);
      const written = original ?? text;
      if (typeof written === "string") return written;
      throw unreadable(snapshot, `chunk ${chunk_ids[index]} of document ${id} is not in it as text`);
    })
    .join("");
}

function tableOf(snapshot: Snapshot, { database }: SnapshotManifest["inventory"], name: string): TableSummary {
  const table = database.tables.find((one) => one.name === name);
  if (table === undefined) throw unreadable(snapshot, `it has no table ${name}`);
  return table;
}

function named({ columns }: TableSummary, row: Row): Record<string, Cell> {
  return Object.fromEntries(columns.map((name, place) => [name, row[place] ?? null]));
}

function unreadable({ info }: Snapshot, cause: string): OpsError {
  const hint = "npm run ops -- backup export writes all that it holds as plain files";
  return refusal({ op: "read documents of snapshot", subject: info.id, cause, hint });
}
