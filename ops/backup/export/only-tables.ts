/** A snapshot's description as if it held some of its tables and nothing else. Pure. */
import { misuse } from "../../command/errors.ts";
import type { ExportManifest } from "./source.ts";

/** Definitions of the tables themselves stay: indexes, views and triggers may name others. @throws OpsError for a table that it has not. */
export function onlyTables(manifest: ExportManifest, names: readonly string[]): ExportManifest {
  const { summary, inventory, body } = manifest;
  const { tables } = inventory.database;
  const unknown = names.find((name) => !tables.some((table) => table.name === name));
  if (unknown !== undefined)
    throw misuse({
      op: "export table",
      subject: unknown,
      cause: "the snapshot has no rows of such a table",
      hint: `one of ${tables.map(({ name }) => name).join(", ")}`,
    });
  const isNamed = ({ name }: { name: string }) => names.includes(name);
  const nothingElse = { virtual_tables: [], rebuilt: [], indexes: [], views: [], triggers: [], has_sequences: false };
  return {
    summary,
    inventory: { ...inventory, database: { ...inventory.database, tables: tables.filter(isNamed) }, buckets: null },
    body: body && {
      ...body,
      database: {
        schema: { ...body.database.schema, ...nothingElse, tables: body.database.schema.tables.filter(isNamed) },
        sequences: [],
      },
      stores: null,
    },
  };
}
