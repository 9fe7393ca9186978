/** A snapshot as plain files: the database as SQL, a file of lines of JSON for each table, objects of buckets under their names, configuration. */
import { type FileHandle, mkdir, open, readdir, rename, rmdir, writeFile } from "node:fs/promises";
import { dirname, join, resolve, sep } from "node:path";
import { z } from "zod";
import { EXIT, OpsError } from "../../command/errors.ts";
import { quoted } from "../../d1/schema.ts";
import { snapshotSchema } from "../../restore/load-database.ts";
import { type BucketSummary, type SnapshotManifest, tableSummary } from "../manifest.ts";
import type { Snapshot } from "../repository/repository.ts";
import { readObjects } from "../snapshot/bucket-copy.ts";
import { readTable } from "../snapshot/read-table.ts";
import { jsonLine } from "./json-text.ts";
import { insertion } from "./sql-text.ts";

export const exported = z.strictObject({
  folder: z.string(),
  files: z.int(),
  tables: z.array(tableSummary.pick({ name: true, rows: true, digest: true })),
  objects: z.int(),
});

/** Nothing of a folder is written over. @throws OpsError where it holds something. */
export async function refuseUsed(folder: string): Promise<void> {
  const [first] = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw error;
  });
  if (first === undefined) return;
  throw new OpsError(
    { op: "export into", subject: folder, cause: `it holds ${first} already`, hint: "name a new or an empty folder" },
    { exit_code: EXIT.refused },
  );
}

/** In the folder of an export until all of it is written. */
export const UNFINISHED = "unfinished";
/** Without its end sqlite3 takes it for an empty database, and does not complain. */
const UNFINISHED_SQL = "database.sql.unfinished";

/**
 * Into a folder that is empty: under `UNFINISHED` first, and under its own names when all of it is there. `on_rows` hears how many are
 * written. @throws OpsError when a part is damaged.
 */
export async function writeExport(
  snapshot: Snapshot,
  manifest: SnapshotManifest,
  into: string,
  hooks: { signal: AbortSignal; on_rows(rows: number): void },
): Promise<z.infer<typeof exported>> {
  const folder = join(into, UNFINISHED);
  await mkdir(join(folder, "tables"), { recursive: true, mode: 0o700 });
  const { tables } = manifest.inventory.database;
  const sql = await open(join(folder, UNFINISHED_SQL), "wx", 0o600);
  try {
    await writeDatabase(snapshot, manifest, { sql, folder, ...hooks });
  } finally {
    await sql.close();
  }
  let objects = 0;
  for (const [name, bucket] of Object.entries(manifest.inventory.buckets ?? {}))
    objects += await writeObjects(snapshot, bucket, join(folder, "objects", name), hooks.signal);
  const { stores } = manifest.body;
  if (stores !== null)
    await writeFile(join(folder, "config.json"), await snapshot.readPart(stores.config.part), { mode: 0o600 });
  const listed = tables.map(({ name, rows, digest }) => ({ name, rows, digest }));
  const about = { snapshot: snapshot.info, summary: manifest.summary, tables: listed, stores };
  await writeFile(join(folder, "snapshot.json"), `${JSON.stringify(about, null, 2)}\n`, { mode: 0o600 });
  await rename(join(folder, UNFINISHED_SQL), join(folder, "database.sql"));
  for (const name of await readdir(folder)) await rename(join(folder, name), join(into, name));
  await rmdir(folder);
  return { folder: into, files: tables.length + 2 + objects + (stores === null ? 0 : 1), tables: listed, objects };
}

interface Writing {
  sql: FileHandle;
  folder: string;
  signal: AbortSignal;
  on_rows(rows: number): void;
}

/** In the order in which it can be read back: rows before what would be slow or would fire. */
async function writeDatabase(
  snapshot: Snapshot,
  manifest: SnapshotManifest,
  { sql, folder, signal, on_rows }: Writing,
): Promise<void> {
  const schema = snapshotSchema(manifest);
  const define = (definitions: readonly { sql: string }[]) =>
    sql.write(definitions.map((definition) => `${definition.sql};\n`).join(""));
  await sql.write(
    `-- Snapshot ${snapshot.info.id}. sqlite3 new.sqlite < database.sql\nPRAGMA foreign_keys = off;\nBEGIN;\n`,
  );
  await define([...schema.tables, ...schema.virtual_tables]);
  let done = 0;
  for (const table of manifest.inventory.database.tables) {
    const lines = await open(join(folder, "tables", `${encodeURIComponent(table.name)}.ndjson`), "wx", 0o600);
    try {
      // Rows that a migration put in while the tables were made are among the snapshot's.
      for await (const rows of readTable(snapshot, table)) {
        signal.throwIfAborted();
        await sql.write(insertion(table.name, table.columns, rows));
        await lines.write(rows.map((row) => jsonLine(table.columns, row)).join(""));
        done += rows.length;
        on_rows(done);
      }
    } finally {
      await lines.close();
    }
  }
  await define([...schema.indexes, ...schema.views]);
  await sql.write(
    schema.rebuilt.map((name) => `INSERT INTO ${quoted(name)} (${quoted(name)}) VALUES ('rebuild');\n`).join(""),
  );
  await define(schema.triggers);
  if (schema.has_sequences) {
    const { sequences } = manifest.body.database;
    const rows = sequences.map(({ table, seq }) => [table, BigInt(seq)]);
    await sql.write(`DELETE FROM sqlite_sequence;\n${insertion("sqlite_sequence", ["name", "seq"], rows)}`);
  }
  await sql.write("COMMIT;\n");
}

async function writeObjects(
  snapshot: Snapshot,
  bucket: BucketSummary,
  folder: string,
  signal: AbortSignal,
): Promise<number> {
  let objects = 0;
  for await (const { key, body } of readObjects(snapshot, bucket)) {
    signal.throwIfAborted();
    const path = resolve(folder, key);
    // A key is a name, not a path that leads elsewhere.
    const target = path.startsWith(resolve(folder) + sep) ? path : join(folder, encodeURIComponent(key));
    await mkdir(dirname(target), { recursive: true, mode: 0o700 });
    await writeFile(target, body, { mode: 0o600 });
    objects += 1;
  }
  return objects;
}
