/** Migrations on one database: what has run, running one, taking one back. Each whole or not at all. */
import { DatabaseSync } from "node:sqlite";
import { MIGRATIONS_TABLE, type Migration } from "../../infra/migration-files.ts";
import { asOpsError, OpsError, refusal } from "../command/errors.ts";
import type { D1Connection, Statement } from "../d1/connection.ts";
import { queryTexts } from "../d1/query.ts";

/** Names of the migrations that have run, oldest first. Changes nothing. */
export async function appliedMigrations(database: D1Connection): Promise<string[]> {
  const [table] = await queryTexts(database, "SELECT name FROM sqlite_schema WHERE name = 'd1_migrations'");
  return table === undefined ? [] : await queryTexts(database, "SELECT name FROM d1_migrations ORDER BY id");
}

/**
 * Runs one migration with its record, as one transaction. Twice is once: the record refuses a second run.
 * @throws OpsError naming the statement that failed; the database is then as it was.
 */
export async function applyMigration(database: D1Connection, { name, statements }: Migration): Promise<void> {
  await rehearse(database, name, statements);
  const record = { sql: "INSERT INTO d1_migrations (name) VALUES (?)", params: [name] };
  await database.batch([{ sql: MIGRATIONS_TABLE }]);
  await run(database, "apply migration", name, statements, record);
}

/**
 * Takes the newest migration back.
 * @throws OpsError when it has no way back, or the way back fails; the database is then as it was.
 */
export async function revertMigration(database: D1Connection, { name, revert }: Migration): Promise<void> {
  if ("none" in revert)
    throw refusal({
      op: "take back migration",
      subject: name,
      cause: `it has no way back: ${revert.none}`,
      hint: "restore the database to a moment before it, or write a migration that goes on from here",
    });
  await rehearse(database, name, revert.statements);
  const record = { sql: "DELETE FROM d1_migrations WHERE name = ?", params: [name] };
  await run(database, "take back migration", name, revert.statements, record);
}

/** Tries the statements on an empty copy of the live schema, so that a mistake is met before the database is touched. */
async function rehearse(database: D1Connection, name: string, statements: readonly string[]): Promise<void> {
  const schema = await queryTexts(
    database,
    `SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' AND name NOT LIKE '_cf_%'
      ORDER BY CASE type WHEN 'table' THEN 0 WHEN 'view' THEN 2 WHEN 'trigger' THEN 3 ELSE 1 END, rowid`,
  );
  const copy = new DatabaseSync(":memory:");
  try {
    for (const sql of schema) {
      // A virtual table brings its shadow tables with it.
      const shadow = /^CREATE TABLE '?(\w+)'?/.exec(sql)?.[1];
      const exists = copy.prepare("SELECT 1 FROM sqlite_schema WHERE name = ?").get(shadow ?? "");
      if (exists === undefined) copy.exec(sql);
    }
    for (const [index, sql] of statements.entries()) {
      try {
        copy.exec(sql);
      } catch (error) {
        throw failed("rehearse migration", name, statements, index, (error as Error).message);
      }
    }
  } finally {
    copy.close();
  }
}

async function run(
  database: D1Connection,
  op: string,
  name: string,
  statements: readonly string[],
  record: Statement,
): Promise<void> {
  try {
    await database.batch([...statements.map((sql) => ({ sql })), record]);
  } catch (thrown) {
    const error = asOpsError(thrown);
    if (error.status !== 400) throw error;
    const index = await firstFailing(database, statements);
    throw failed(op, name, statements, index, error.parts.cause);
  }
}

/** Fails at run time in any database; shows that everything before it was accepted, and undoes it. */
const REFUSED_ON_PURPOSE: Statement = { sql: "SELECT json('refused on purpose')" };

/** Index of the first statement that fails on the data that is there. Every try is undone. */
async function firstFailing(database: D1Connection, statements: readonly string[]): Promise<number> {
  let accepted = 0;
  let refused = statements.length;
  while (refused - accepted > 1) {
    const middle = (accepted + refused) >> 1;
    const part = statements.slice(0, middle).map((sql) => ({ sql }));
    const message = await database.batch([...part, REFUSED_ON_PURPOSE]).then(
      () => "",
      (error: unknown) => asOpsError(error).parts.cause,
    );
    if (message.includes("malformed JSON")) accepted = middle;
    else refused = middle;
  }
  return accepted;
}

function failed(op: string, name: string, statements: readonly string[], index: number, cause: string): OpsError {
  const line = (statements[index] ?? "")
    .replaceAll(/--[^\n]*/g, "")
    .replaceAll(/\s+/g, " ")
    .trim();
  return new OpsError({
    op,
    subject: name,
    cause: `statement ${index + 1} of ${statements.length} (${line.length > 100 ? `${line.slice(0, 100)}…` : line}): ${cause}; the database is as it was`,
    hint: "correct the migration, or the rows it meets, and repeat: what had run before it is not run again",
  });
}
