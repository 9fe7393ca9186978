/** `ops db check`: what D1 allows of SQLite's own checks, and what the Worker relies on. */
import { DatabaseSync } from "node:sqlite";
import { z } from "zod";
import { MIGRATIONS_TABLE, readMigrations } from "../../infra/migration-files.ts";
import { TABLES } from "../../worker/store/tables.ts";
import { defineCommand } from "../command/define.ts";
import { asOpsError, EXIT } from "../command/errors.ts";
import { table, verdict } from "../command/output.ts";
import type { D1Connection } from "../d1/connection.ts";
import { queryRows, queryTexts } from "../d1/query.ts";
import { readSchema } from "../d1/schema.ts";
import { sqliteD1 } from "../d1/sqlite-connection.ts";
import { appliedMigrations } from "../migrate/ledger.ts";
import { differentDefinitions, faultsOfFullText } from "../restore/compare-database.ts";
import { liveDatabase, openStack } from "../stack/delivery.ts";

interface DatabaseCheck {
  name: string;
  /** What to do about a fault. */
  remedy: string;
  /** Where one is missing, what it would find and advise is of no use. */
  needs_tables?: true;
  /** Faults in words; none where all is well. */
  run(connection: D1Connection): Promise<string[]>;
}

/** A statement that gives a row for each fault. */
const rowsOf = (sql: string) => async (connection: D1Connection) =>
  (await queryRows(connection, `${sql} LIMIT 20`)).map((row) => row.join(" "));

/** The one table that is made anew from rows. */
const FULL_TEXT = "chunks_fts";

async function missingTables(connection: D1Connection): Promise<string[]> {
  const there = new Set(await queryTexts(connection, "SELECT name FROM sqlite_schema WHERE type = 'table'"));
  return TABLES.filter((name) => !there.has(name));
}

const RESTORE = "npm run ops -- restore plan";
const CHECKS: readonly DatabaseCheck[] = [
  {
    name: "structure",
    remedy: `${RESTORE}; restore apply --at a moment before it`,
    async run(connection) {
      return (await queryTexts(connection, "PRAGMA quick_check")).filter((line) => line !== "ok");
    },
  },
  {
    name: "references",
    remedy: "npm run ops -- index check --repair for chunks; for others find out who wrote beside the Worker",
    async run(connection) {
      const broken = await queryRows(connection, "PRAGMA foreign_key_check");
      return broken.slice(0, 20).map(([child, rowid, parent]) => `${child} ${rowid} refers to no row of ${parent}`);
    },
  },
  {
    name: "tables",
    remedy: `npm run ops -- migrate list says whether its migration is pending; else its rows are lost: ${RESTORE}; for ${FULL_TEXT} alone: npm run ops -- index check --repair`,
    run: async (connection) => (await missingTables(connection)).map((name) => `${name} is missing`),
  },
  {
    name: "schema",
    needs_tables: true,
    remedy:
      "an index or trigger that is missing is in worker/migrations: write a migration that makes it again; what is too many was made beside them",
    async run(connection) {
      const applied = new Set(await appliedMigrations(connection));
      const scratch = new DatabaseSync(":memory:");
      try {
        scratch.exec(MIGRATIONS_TABLE);
        for (const { name, statements } of readMigrations())
          if (applied.has(name)) for (const sql of statements) scratch.exec(sql);
        return differentDefinitions(await readSchema(sqliteD1(scratch)), await readSchema(connection));
      } finally {
        scratch.close();
      }
    },
  },
  {
    name: "full text",
    needs_tables: true,
    remedy: "npm run ops -- index check --repair",
    run: async (connection) => (await faultsOfFullText(connection, FULL_TEXT)).map(({ finding }) => finding),
  },
  {
    name: "sequences",
    needs_tables: true,
    remedy: "raise sequences.next above the largest id: an id that is given twice shows a text's vector as another's",
    run: rowsOf(`SELECT name || ': the next id is ' || next || ', and ' || used || ' is in use' FROM (
      SELECT name, next, CASE name WHEN 'documents' THEN (SELECT max(id) FROM documents) WHEN 'chunks' THEN (SELECT max(id) FROM chunks) END AS used
      FROM sequences) WHERE used >= next`),
  },
  {
    name: "tenants",
    needs_tables: true,
    remedy: "write any document of the tenant: without the row its caches are never renewed",
    run: rowsOf(`SELECT DISTINCT tenant || ' has documents, and no index version' FROM documents
      WHERE tenant NOT IN (SELECT tenant FROM tenants)`),
  },
  {
    name: "jobs",
    needs_tables: true,
    remedy: "send the batch again: its job can never end",
    run: rowsOf(`SELECT 'job ' || id || ' has ' || n || ' parts of ' || part_count FROM (
      SELECT id, part_count, (SELECT count(*) FROM job_parts WHERE job_id = jobs.id) AS n FROM jobs) WHERE n <> part_count`),
  },
  {
    name: "fence",
    remedy: "npm run ops -- generation resume, or generation cancel",
    run: rowsOf(
      "SELECT 'writes wait since ' || datetime(since_ms / 1000, 'unixepoch') || ': ' || reason FROM write_fence",
    ),
  },
];

const output = z.strictObject({
  checks: z.array(
    z.strictObject({ name: z.string(), ok: z.boolean(), faults: z.array(z.string()), remedy: z.string() }),
  ),
});

export const dbCheck = defineCommand({
  path: "db check",
  group: "data",
  summary:
    "whether the live database is sound: structure, references, schema by its migrations, full text, what the Worker relies on",
  notes: `D1 refuses integrity_check; quick_check leaves out only what indexes hold, which npm run ops -- backup verify proves on a rebuild. Exit code 1
when a check fails; one that cannot be made has failed. Vectors: npm run ops -- index check. The audit log: npm run ops -- audit verify.`,
  risk: "read",
  output,
  examples: ["db check", "db check --json"],
  async run(invocation) {
    const connection = await liveDatabase(await openStack(invocation));
    const checks: z.infer<typeof output>["checks"] = [];
    // A database that cannot be asked is told by its checks.
    const missing = await missingTables(connection).catch(() => []);
    const isTorn = missing.some((name) => name !== FULL_TEXT);
    for (const { name, remedy, run, needs_tables } of CHECKS) {
      invocation.signal.throwIfAborted();
      if (isTorn && needs_tables) {
        checks.push({ name, ok: false, faults: ["not judged, since tables are missing"], remedy: "what stands there" });
        continue;
      }
      const faults = await run(connection).catch((error: unknown) => [
        `it could not be made: ${asOpsError(error).parts.cause}`,
      ]);
      checks.push({ name, ok: faults.length === 0, faults, remedy: faults.length === 0 ? "" : remedy });
    }
    const drawn = table(invocation.terminal, checks, [
      { title: "check", value: ({ name }) => name },
      { title: "", value: ({ ok }) => verdict(ok, invocation.colour), own_words: true },
      { title: "found", value: ({ faults }) => faults.join("; ") || "-" },
      { title: "try", value: ({ remedy }) => remedy || "-" },
    ]);
    return { data: { checks }, text: drawn, exit_code: checks.every(({ ok }) => ok) ? EXIT.done : EXIT.check_failed };
  },
});
