/** `ops restore table`: rows of one table out of a snapshot, back into the live database. */
import { z } from "zod";
import { counted } from "../../worker/ground/counted.ts";
import { readManifest, type TableSummary } from "../backup/manifest.ts";
import { repositoryOptions, withRepository } from "../backup/open.ts";
import type { Repository } from "../backup/repository/repository.ts";
import { readTable } from "../backup/snapshot/read-table.ts";
import { defineCommand } from "../command/define.ts";
import { OpsError, refusal } from "../command/errors.ts";
import type { Outcome } from "../command/invocation.ts";
import type { D1Connection } from "../d1/connection.ts";
import { keyOf, readByKeys } from "../d1/read-by-key.ts";
import { encodeRow, type Row } from "../d1/row-codec.ts";
import { readSchema, type Table } from "../d1/schema.ts";
import { writeRows } from "../d1/write-rows.ts";
import { liveConnection } from "./living-document.ts";
import { wantedSnapshot, whichSnapshot } from "./which-snapshot.ts";

/** Nothing else is made from their rows, and no row of another table refers to one: they can come back alone. */
const ALONE = ["api_keys", "dead_letters", "feedback"] as const;

const output = z.strictObject({
  dry_run: z.boolean(),
  snapshot: z.string(),
  table: z.enum(ALONE),
  rows: z.int().describe("of the snapshot"),
  missing: z.int().describe("that the live table lacks: they come back"),
  different: z.int().describe("that are others now: they stay, but with --overwrite"),
  written: z.int(),
});

export const restoreTable = defineCommand({
  path: "restore table",
  group: "backup",
  summary:
    "bring rows of one table back from a snapshot: those that are missing, with --overwrite also those that differ",
  notes: `Only of tables that stand alone: ${ALONE.join(", ")}. Rows that came since stay. What is written over is lost, so it is asked about:
\`ops backup create\` keeps it; a key that was revoked since works again then. Documents: ops restore document. Every table as plain SQL: ops backup
export --table. Safe to repeat.`,
  risk: "destructive",
  args: z.object({ table: z.string().describe(ALONE.join(", ")) }),
  options: z.object({
    ...repositoryOptions.shape,
    ...whichSnapshot.shape,
    overwrite: z.boolean().default(false).describe("also rows that differ now"),
  }),
  output,
  examples: ["restore table api_keys --dry-run", "restore table feedback --at 2d --overwrite --yes --json"],
  async run(
    invocation,
    { table: name, snapshot, at, overwrite, ...options },
  ): Promise<Outcome<z.infer<typeof output>>> {
    const table = ALONE.find((one) => one === name);
    const { dry_run } = invocation;
    const connection = await liveConnection(invocation, "read table", name);
    const { tables } = await readSchema(connection);
    const live = tables.find((one) => one.name === name);
    if (table === undefined)
      throw live === undefined
        ? refused(name, "there is no such table", `one of ${ALONE.join(", ")}`)
        : refused(name, "it does not stand alone", hintFor(name));
    if (live === undefined) throw refused(table, "the live database has no such table", "npm run ops -- restore plan");
    const found = await withRepository(invocation, options, null, async (repository) => {
      const wanted = await wantedSnapshot(repository, { snapshot, at }, invocation.now());
      return await compared(repository, wanted, live, connection);
    });
    const { rows, missing, different } = found;
    const wanted = overwrite ? [...missing, ...different] : missing;
    const data = {
      ...{ dry_run, snapshot: found.snapshot, table, rows },
      ...{ missing: missing.length, different: different.length, written: dry_run ? 0 : wanted.length },
    };
    const told = `of ${counted(rows, "row")} of ${table} in snapshot ${found.snapshot}; ${missing.length} were missing, ${different.length} differ`;
    if (dry_run) return { data, text: `Would write ${wanted.length} ${told}.` };
    if (overwrite && different.length > 0)
      await invocation.confirm({
        op: "overwrite",
        subject: `${counted(different.length, "row")} of ${table}, which differ`,
      });
    await writeRows(connection, live, [wanted]);
    const left = (await differing(connection, live, wanted)).flat().length;
    if (left > 0)
      throw new OpsError({
        op: "restore table",
        subject: table,
        cause: `${left} of the rows that were written are others by now`,
        hint: "somebody may have written them since: repeat it with --dry-run",
      });
    return { data, text: `Wrote ${wanted.length} ${told}.`, audit: { detail: data } };
  },
});

/** Rows in the order of the live table's columns. */
async function compared(repository: Repository, wanted: string, live: Table, connection: D1Connection) {
  const snapshot = await repository.openSnapshot(wanted);
  const lease = await repository.leaseForRestore([snapshot.info.id]);
  try {
    const { inventory } = await readManifest(snapshot);
    const stored = inventory.database.tables.find(({ name }) => name === live.name);
    if (stored === undefined)
      throw refused(live.name, `snapshot ${snapshot.info.id} has no such table`, "take another");
    const places = placesOf(live, stored);
    const [missing, different]: [Row[], Row[]] = [[], []];
    let rows = 0;
    for await (const page of readTable(snapshot, stored)) {
      rows += page.length;
      const [gone, others] = await differing(
        connection,
        live,
        page.map((row) => places.map((place) => row[place] ?? null)),
      );
      missing.push(...gone);
      different.push(...others);
    }
    return { snapshot: snapshot.info.id, rows, missing, different };
  } finally {
    await lease.release();
  }
}

/** Those that the live table lacks, and those that it has otherwise. */
async function differing(connection: D1Connection, live: Table, rows: readonly Row[]): Promise<[Row[], Row[]]> {
  const there = await readByKeys(
    connection,
    live,
    rows.map((row) => keyOf(live, row)),
  );
  const isOther = (row: Row, at: number) => there[at] && !encodeRow(row).equals(encodeRow(there[at]));
  return [rows.filter((_, at) => !there[at]), rows.filter(isOther)];
}

/** @throws OpsError where a migration since the snapshot gave the table other columns. */
function placesOf(live: Table, { columns }: TableSummary): number[] {
  const names = live.columns.map(({ name }) => name);
  if (names.length === columns.length && names.every((name) => columns.includes(name)))
    return names.map((name) => columns.indexOf(name));
  throw refused(
    live.name,
    `its columns are others now (${names.join(", ")}) than in the snapshot (${columns.join(", ")})`,
    "npm run ops -- backup export --table writes its rows as plain SQL and JSON",
  );
}

function hintFor(name: string): string {
  return name === "documents" || name === "chunks"
    ? "a document: npm run ops -- restore document ID; all of them: npm run ops -- restore plan"
    : `${ALONE.join(", ")} do; others: npm run ops -- backup export DIR --table ${name}`;
}

function refused(subject: string, cause: string, hint: string): OpsError {
  return refusal({ op: "restore table", subject, cause, hint });
}
