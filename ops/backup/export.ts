/** `ops backup export`: a snapshot for people and other tools, or the whole repository, encrypted as it is, for another place. */
import { join } from "node:path";
import { z } from "zod";
import { counted } from "../../worker/ground/counted.ts";
import { defineCommand } from "../command/define.ts";
import { EXIT, isReason, misuse } from "../command/errors.ts";
import type { Invocation, Outcome } from "../command/invocation.ts";
import { onlyTables } from "./export/only-tables.ts";
import { salvageSource, wholeSource } from "./export/source.ts";
import { exported, refuseUsed, UNFINISHED, writeExport } from "./export/write-export.ts";
import { copyReport, copyRepository } from "./import/copy.ts";
import { tableSummary } from "./manifest.ts";
import { repositoryOptions, withRepository } from "./open.ts";
import type { Repository } from "./repository/repository.ts";
import { refuseDamaged } from "./whole-snapshot.ts";

const output = z.union([
  exported.extend({ snapshot: z.string() }),
  z.strictObject({
    dry_run: z.literal(true),
    snapshot: z.string(),
    folder: z.string(),
    tables: z.array(tableSummary.pick({ name: true, rows: true, digest: true })),
  }),
  ...copyReport.options,
]);

export const backupExport = defineCommand({
  path: "backup export",
  group: "backup",
  summary: "write a snapshot as plain SQL, NDJSON and objects; or copy the repository itself to another account",
  notes: `The plain files are NOT encrypted; until all of them are written they lie in DIR/unfinished. A copied repository is used like any other (--repository PLACE), pruned on its own, and checked
here: every object at its size. What was removed at the source stays in the copy. Safe to repeat; refused where
both have snapshots that the other never had. With --salvage, exit code 4: something is missing, and lost.json says what.`,
  risk: "change",
  args: z.object({
    words: z.array(z.string()).default([]).describe("[ID] DIR: snapshot (default: the newest), new folder"),
  }),
  options: z.object({
    ...repositoryOptions.shape,
    table: z
      .array(z.string())
      .optional()
      .meta({ placeholder: "name", description: "only this table: its definition and rows, no index, no objects" }),
    to: z.string().optional().meta({
      placeholder: "place",
      description: "with --as-repository: a folder or 's3://bucket/prefix?endpoint=URL&region=NAME'",
    }),
    as_repository: z
      .boolean()
      .optional()
      .describe("copy the repository, encrypted as it is; only what is missing there"),
    salvage: z
      .boolean()
      .optional()
      .describe("of a damaged snapshot, write what can still be read; DIR/lost.json names what is missing"),
  }),
  output,
  examples: [
    "backup export ./plain && sqlite3 new.sqlite < ./plain/database.sql",
    "backup export ./plain --table documents --table tenants",
    "backup export --salvage ./what-is-left",
    'backup export --as-repository --to "s3://vault/prism?endpoint=https://…" --json',
  ],
  async run(invocation, { words, to, as_repository = false, salvage = false, table, ...options }) {
    if (as_repository && to !== undefined && words.length === 0 && !salvage && table === undefined)
      return await copyRepository(invocation, { ...options, from: options.repository, to });
    const [dir, id = "latest"] = words.toReversed();
    if (dir === undefined || words.length > 2 || as_repository || to !== undefined)
      throw misuse({
        op: "export",
        subject: words.join(" ") || "nothing",
        cause: "it takes a new folder, or --as-repository and --to alone",
        hint: "npm run ops -- backup export --help",
      });
    return await withRepository(invocation, options, null, (repository) =>
      writePlain(invocation, repository, { id, table, folder: dir, salvage }),
    );
  },
});

async function writePlain(
  { dry_run, progress, signal, note }: Invocation,
  repository: Repository,
  { id, table, folder, salvage }: { id: string; table: string[] | undefined; folder: string; salvage: boolean },
): Promise<Outcome<z.infer<typeof output>>> {
  const snapshot = await repository.openSnapshot(id).catch(refuseDamaged(repository, null));
  const taken = snapshot.info.id;
  await refuseUsed(folder);
  const all = await (salvage ? salvageSource : wholeSource)(snapshot).catch(refuseDamaged(repository, taken));
  const source = table === undefined ? all : { ...all, manifest: onlyTables(all.manifest, table) };
  if (dry_run) {
    const { inventory } = source.manifest;
    const tables = inventory.database.tables.map(({ name, rows, digest }) => ({ name, rows, digest }));
    const text = `Would write ${counted(tables.length, "table")} of snapshot ${taken} into ${folder}, not encrypted.`;
    return { data: { dry_run, snapshot: taken, folder, tables }, text };
  }
  const lease = await repository.leaseForRestore([taken]);
  try {
    const { tables } = source.manifest.inventory.database;
    progress.start(
      "rows",
      tables.reduce((sum, { rows }) => sum + rows, 0),
    );
    const on_rows = (rows: number) => progress.update(rows);
    const done = await writeExport(source, folder, { signal, on_rows }).catch((error: unknown) => {
      note(`Warning: no whole export: ${join(folder, UNFINISHED)} holds what was written until it failed.`);
      if (isReason(error, "damaged")) note("--salvage, into another folder, writes all that can still be read.");
      throw error;
    });
    const { files, objects, lost } = done;
    const text = `Snapshot ${taken}: ${counted(files, "file")} in ${folder}, not encrypted.`;
    return {
      data: { snapshot: taken, ...done },
      text: lost === null ? text : [text, ...lostLines(lost)].join("\n"),
      exit_code: lost === null ? EXIT.done : EXIT.partial,
      audit: { detail: { snapshot: taken, folder, files, objects, lost_parts: lost?.parts.length ?? 0 } },
    };
  } finally {
    progress.stop();
    await lease.release();
  }
}

function lostLines({ parts, tables, objects, files }: NonNullable<z.infer<typeof exported>["lost"]>): string[] {
  return [
    "NOT whole. lost.json beside the files says what is missing:",
    ...parts.map(({ object, cause }) => `- ${object} ${cause}`),
    ...tables.map(({ name, rows }) => `- ${counted(rows, "row")} of table ${name}`),
    ...(objects.length > 0 ? [`- ${counted(objects.length, "object")} of buckets`] : []),
    ...files.map((name) => `- all of ${name}`),
  ];
}
