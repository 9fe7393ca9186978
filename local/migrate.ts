/** Applies the Worker's migrations to a local D1 database, recorded as wrangler records them (`d1_migrations`). */
import { MIGRATIONS_TABLE, readMigrations } from "../infra/migration-files.ts";
import type { D1Query, D1Rows } from "./rest/d1-gateway.ts";

/** Applies what is pending, each with its record in one transaction. Returns the names applied. */
export async function migrate(query: (queries: readonly D1Query[]) => Promise<D1Rows[]>): Promise<string[]> {
  const [, recorded] = await query([{ sql: MIGRATIONS_TABLE }, { sql: "SELECT name FROM d1_migrations" }]);
  const applied = new Set(recorded?.rows.map(([name]) => name));
  const pending = readMigrations().filter(({ name }) => !applied.has(name));
  for (const { name, statements } of pending) {
    await query([
      ...statements.map((sql) => ({ sql })),
      { sql: "INSERT INTO d1_migrations (name) VALUES (?)", params: [name] },
    ]);
  }
  return pending.map(({ name }) => name);
}
