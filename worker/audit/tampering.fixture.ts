/** For tests: what others do to the audit log in D1, past the Worker. */
import type { Service } from "../security/callers.fixture.ts";
import { entryOf } from "./chain.fixture.ts";
import { chained, GENESIS, type Head } from "./chain.ts";

/** Adds an entry past the Worker, as another isolate does that knows nothing of this one. */
export async function addElsewhere(service: Service, id: string): Promise<void> {
  const [head] = (await service.sql("SELECT seq, hash FROM audit_log ORDER BY seq DESC LIMIT 1")) as unknown as Head[];
  const placed = Object.entries(await chained({ ...entryOf(1), id }, head ?? GENESIS, 1));
  const names = placed.map(([name]) => name).join(", ");
  const places = placed.map((_, index) => `?${index + 1}`).join(", ");
  const sql = `INSERT INTO audit_log (${names}) VALUES (${places})`;
  await service.sql(sql, ...placed.map(([, value]) => value)).catch((error: Error) => {
    if (!/UNIQUE/.test(error.message)) throw error;
    return addElsewhere(service, id);
  });
}

/** What `look` finds when someone who owns the database does this to the log. Everything is put back. */
export async function whileTampered<T>(
  { sql }: Service,
  statements: readonly string[],
  look: () => Promise<T>,
): Promise<T> {
  const triggers = await sql("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = 'audit_log'");
  for (const { name } of triggers) await sql(`DROP TRIGGER ${name}`);
  await sql("CREATE TABLE kept AS SELECT * FROM audit_log");
  for (const statement of statements) await sql(statement);
  const found = await look();
  await sql("DELETE FROM audit_log");
  await sql("INSERT INTO audit_log SELECT * FROM kept");
  await sql("DROP TABLE kept");
  for (const trigger of triggers) await sql(String(trigger.sql));
  return found;
}
