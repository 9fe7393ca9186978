/**
 * The Worker's migrations as files: the one reader for the local platform, ops and the tests.
 *
 * A file (four digits, a name, .sql) begins with `-- phase: expand` (adds: the version before it goes on working, so it runs before a
 * deployment) or `-- phase: contract` (takes away: runs only once no deployed version needs the old shape). The way back
 * the same name in the folder revert; only a contraction may lack one and then says why with `-- no way back: <reason>`.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { splitStatements } from "./sql-statements.ts";

const MIGRATIONS_DIR = join(import.meta.dirname, "../worker/migrations");

/** As wrangler records them. */
export const MIGRATIONS_TABLE = `CREATE TABLE IF NOT EXISTS d1_migrations (
  id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE, applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL)`;

type Phase = "expand" | "contract";

export interface Migration {
  /** `0001_core.sql`: what `d1_migrations` holds. */
  name: string;
  phase: Phase;
  /** One by one: D1 cuts a trigger that stands beside other statements. */
  statements: string[];
  /** Statements of the way back, or why there is none. */
  revert: { statements: string[] } | { none: string };
}

/**
 * All migrations in the order they apply.
 * @throws Error naming the file when its header or its way back is missing.
 */
export function readMigrations(dir: string = MIGRATIONS_DIR): Migration[] {
  return readdirSync(dir)
    .filter((name) => name.endsWith(".sql"))
    .sort()
    .map((name) => readMigration(dir, name));
}

function readMigration(dir: string, name: string): Migration {
  if (!/^\d{4}_[a-z0-9_]+\.sql$/.test(name))
    throw new Error(`migration ${name}: the name is NNNN_what_it_does.sql, in small letters`);
  const sql = readFileSync(join(dir, name), "utf8");
  const phase = /^-- phase: (expand|contract)$/m.exec(sql)?.[1] as Phase | undefined;
  if (phase === undefined)
    throw new Error(`migration ${name}: it does not say "-- phase: expand" or "-- phase: contract" in its first lines`);
  const reason = /^-- no way back: (.+)$/m.exec(sql)?.[1];
  const way = join(dir, "revert", name);
  const statements = statementsOf(sql);
  if (existsSync(way))
    return { name, phase, statements, revert: { statements: statementsOf(readFileSync(way, "utf8")) } };
  if (phase === "expand" || reason === undefined)
    throw new Error(
      `migration ${name}: its way back revert/${name} is missing` +
        (phase === "contract" ? ', and there is no "-- no way back: <reason>"' : ""),
    );
  return { name, phase, statements, revert: { none: reason } };
}

function statementsOf(sql: string): string[] {
  return splitStatements(sql).map(({ text }) => text);
}
