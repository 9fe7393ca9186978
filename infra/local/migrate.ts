/** Applies the Worker's migrations to a local D1 database, recorded as wrangler records them (`d1_migrations`). */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { D1Query, D1Rows } from "./rest/d1-gateway.ts";

const MIGRATIONS_DIR = join(import.meta.dirname, "../../worker/migrations");

/** Names of migrations in the order they apply. */
export function migrationNames(): string[] {
  return readdirSync(MIGRATIONS_DIR)
    .filter((name) => name.endsWith(".sql"))
    .sort();
}

/** Applies what is pending, each with its record in one transaction. Returns the names applied. */
export async function migrate(query: (queries: readonly D1Query[]) => Promise<D1Rows[]>): Promise<string[]> {
  const [, recorded] = await query([
    {
      sql: `CREATE TABLE IF NOT EXISTS d1_migrations (
        id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE, applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL)`,
    },
    { sql: "SELECT name FROM d1_migrations" },
  ]);
  const applied = new Set(recorded?.rows.map(([name]) => name));
  const pending = migrationNames().filter((name) => !applied.has(name));
  for (const name of pending) {
    await query([
      { sql: readFileSync(join(MIGRATIONS_DIR, name), "utf8") },
      { sql: "INSERT INTO d1_migrations (name) VALUES (?)", params: [name] },
    ]);
  }
  return pending;
}
