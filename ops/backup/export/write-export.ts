/** A snapshot as plain files: the database as SQL, a file of lines of JSON for each table, objects of buckets under their names, configuration. */
import { mkdir, open, readdir, rename, rmdir, writeFile } from "node:fs/promises";
import { dirname, join, resolve, sep } from "node:path";
import { z } from "zod";
import { refusal } from "../../command/errors.ts";
import type { Row } from "../../d1/row-codec.ts";
import { quoted } from "../../d1/schema.ts";
import { snapshotSchema } from "../../restore/load-database.ts";
import { makeFolder } from "../../storage/make-folder.ts";
import { type BucketSummary, type SnapshotBody, type TableSummary, tableSummary } from "../manifest.ts";
import { jsonLine } from "./json-text.ts";
import type { ExportSource } from "./source.ts";
import { insertion } from "./sql-text.ts";

/** What a damaged snapshot no longer gives. */
const lost = z.strictObject({
  /** Damaged objects of the repository. */
  parts: z.array(z.strictObject({ object: z.string(), cause: z.string() })),
  /** Rows that are missing, of each table that lacks some. */
  tables: z.array(z.strictObject({ name: z.string(), rows: z.int() })),
  /** Of buckets, by their names. */
  objects: z.array(z.strictObject({ bucket: z.string(), key: z.string() })),
  /** Not written at all. */
  files: z.array(z.string()),
});

export const exported = z.strictObject({
  folder: z.string(),
  files: z.int(),
  /** As the snapshot had them. */
  tables: z.array(tableSummary.pick({ name: true, rows: true, digest: true })),
  objects: z.int(),
  /** Null: nothing, all of the snapshot is there. Otherwise it is also in the file `lost.json`. */
  lost: lost.nullable(),
});

/** Nothing of a folder is written over. @throws OpsError where it holds something. */
export async function refuseUsed(folder: string): Promise<void> {
  const [first] = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw error;
  });
  if (first === undefined) return;
  throw refusal({
    op: "export into",
    subject: folder,
    cause: `it holds ${first} already`,
    hint: "name a new or an empty folder",
  });
}

/** In the folder of an export until all of it is written. */
export const UNFINISHED = "unfinished";
/** Without its end sqlite3 takes it for an empty database, and does not complain. */
const UNFINISHED_SQL = "database.sql.unfinished";

/**
 * Into a folder that is empty: under `UNFINISHED` first, and under its own names when all of it is there. `on_rows` hears how many are
 * written. @throws OpsError where the source does.
 */
export async function writeExport(
  source: ExportSource,
  into: string,
  hooks: { signal: AbortSignal; on_rows(rows: number): void },
): Promise<z.infer<typeof exported>> {
  const folder = join(into, UNFINISHED);
  makeFolder(join(folder, "tables"), 0o700);
  const { summary, inventory, body } = source.manifest;
  const stores = body?.stores ?? null;
  const missing: z.infer<typeof lost> = { parts: [], tables: [], objects: [], files: [] };
  const writeNew = (name: string, content: Uint8Array | string) =>
    writeFile(join(folder, name), content, { mode: 0o600 });

  let rows = 0;
  const writeTables: WriteTables = async (on_batch) => {
    for (const table of inventory.database.tables) {
      const written = await writeTable(source, table, join(folder, "tables"), async (batch) => {
        hooks.signal.throwIfAborted();
        await on_batch(table, batch);
        rows += batch.length;
        hooks.on_rows(rows);
      });
      if (written < table.rows) missing.tables.push({ name: table.name, rows: table.rows - written });
    }
  };
  if (body === null) {
    missing.files.push("database.sql");
    await writeTables(async () => {});
  } else await writeDatabase(join(folder, UNFINISHED_SQL), source.about, body, writeTables);

  let objects = 0;
  for (const [name, bucket] of Object.entries(inventory.buckets ?? {})) {
    const written = await writeObjects(source, bucket, join(folder, "objects", name), hooks.signal);
    objects += written.size;
    for (const [key] of bucket.objects) if (!written.has(key)) missing.objects.push({ bucket: name, key });
  }
  const config = stores && (await source.part(stores.config.part));
  if (config !== null) await writeNew("config.json", config);
  else if (inventory.buckets !== null) missing.files.push("config.json");
  const tables = inventory.database.tables.map(({ name, rows, digest }) => ({ name, rows, digest }));
  await writeNew("snapshot.json", `${JSON.stringify({ snapshot: source.info, summary, tables, stores }, null, 2)}\n`);
  missing.parts = await source.damage();
  const isWhole = missing.parts.length === 0;
  if (!isWhole) await writeNew("lost.json", `${JSON.stringify(missing, null, 2)}\n`);

  if (body !== null) await rename(join(folder, UNFINISHED_SQL), join(folder, "database.sql"));
  const top = await readdir(folder, { withFileTypes: true });
  for (const { name } of top) await rename(join(folder, name), join(into, name));
  await rmdir(folder);
  const files = top.filter((entry) => entry.isFile()).length + tables.length + objects;
  return { folder: into, files, tables, objects, lost: isWhole ? null : missing };
}

/** Writes lines of JSON for every table, and hands each batch of rows on. */
type WriteTables = (on_batch: (table: TableSummary, rows: readonly Row[]) => Promise<unknown>) => Promise<void>;

/** Returns how many rows there were. */
async function writeTable(
  source: ExportSource,
  table: TableSummary,
  folder: string,
  on_batch: (rows: readonly Row[]) => Promise<unknown>,
): Promise<number> {
  let written = 0;
  const lines = await open(join(folder, `${encodeURIComponent(table.name)}.ndjson`), "wx", 0o600);
  try {
    for await (const rows of source.rows(table)) {
      await on_batch(rows);
      await lines.write(rows.map((row) => jsonLine(table.columns, row)).join(""));
      written += rows.length;
    }
  } finally {
    await lines.close();
  }
  return written;
}

/** In the order in which it can be read back: rows before what would be slow or would fire. */
async function writeDatabase(
  path: string,
  about: string,
  body: Pick<SnapshotBody, "database">,
  writeTables: WriteTables,
): Promise<void> {
  const schema = snapshotSchema({ body });
  const sql = await open(path, "wx", 0o600);
  try {
    const define = (definitions: readonly { sql: string }[]) =>
      sql.write(definitions.map((definition) => `${definition.sql};\n`).join(""));
    await sql.write(`-- ${about}. sqlite3 new.sqlite < database.sql\nPRAGMA foreign_keys = off;\nBEGIN;\n`);
    await define([...schema.tables, ...schema.virtual_tables]);
    // Rows that a migration put in while the tables were made are among the snapshot's.
    await writeTables((table, rows) => sql.write(insertion(table.name, table.columns, rows)));
    await define([...schema.indexes, ...schema.views]);
    await sql.write(
      schema.rebuilt.map((name) => `INSERT INTO ${quoted(name)} (${quoted(name)}) VALUES ('rebuild');\n`).join(""),
    );
    await define(schema.triggers);
    if (schema.has_sequences) {
      const rows = body.database.sequences.map(({ table, seq }) => [table, BigInt(seq)]);
      await sql.write(`DELETE FROM sqlite_sequence;\n${insertion("sqlite_sequence", ["name", "seq"], rows)}`);
    }
    await sql.write("COMMIT;\n");
  } finally {
    await sql.close();
  }
}

/** Returns the keys of what there was. */
async function writeObjects(
  source: ExportSource,
  bucket: BucketSummary,
  folder: string,
  signal: AbortSignal,
): Promise<ReadonlySet<string>> {
  const written = new Set<string>();
  for await (const { key, body } of source.objects(bucket)) {
    signal.throwIfAborted();
    const path = resolve(folder, key);
    // A key is a name, not a path that leads elsewhere.
    const target = path.startsWith(resolve(folder) + sep) ? path : join(folder, encodeURIComponent(key));
    await mkdir(dirname(target), { recursive: true, mode: 0o700 });
    await writeFile(target, body, { mode: 0o600 });
    written.add(key);
  }
  return written;
}
