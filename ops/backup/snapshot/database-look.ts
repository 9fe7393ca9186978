/** What a backup needs to know of a database before it copies a row. Reads a few rows only. */
import { createHash } from "node:crypto";
import type { D1Connection, JsonValue, Rows, Statement } from "../../d1/connection.ts";
import { CHANGE_LOG, quoted, readSchema, type Schema, type Table } from "../../d1/schema.ts";
import { UNLOGGED_ROWS_MAX } from "../../limits.ts";

/** The table that proves descent (`worker/migrations/0004_backup_marks.sql`). */
export const MARKS = "backup_marks";

/** Tables that no snapshot holds: `write_fence` and the log belong to one database at one moment. */
export const LEFT_OUT: readonly { name: string; reason: string }[] = [
  { name: CHANGE_LOG, reason: "the log itself; its last number is kept, and it goes on from there" },
  { name: "idempotency", reason: "a cache of answers that ends within a day" },
  { name: "write_fence", reason: "belongs to one database at one moment" },
];

export interface DatabaseLook {
  schema: Schema;
  /** Tables to copy, parents first. */
  tables: Table[];
  left_out: { name: string; reason: string }[];
  /** SHA-256 over every definition. */
  fingerprint: string;
  /** By table: SHA-256 over what its rows' encoding and its log entries depend on. */
  shapes: ReadonlyMap<string, string>;
  has_marks: boolean;
  has_log: boolean;
  /** The first entry that the log still has; null when it is empty. */
  log_first: number | null;
  log_head: number;
  /** Whether the mark that was asked for is there. */
  is_marked: boolean;
  /** The last migration recorded, null without a record. */
  migration: string | null;
  /** Tables without a log that one transaction can read whole. */
  small: ReadonlySet<Table>;
}

/** In the order of names: a database that was restored or rebuilt has the same definitions made in another order. */
export const DEFINITIONS: Statement = {
  sql: `SELECT type, name, tbl_name, sql FROM sqlite_schema
    WHERE NOT (name LIKE 'sqlite\\_%' ESCAPE '\\' OR name LIKE '\\_cf\\_%' ESCAPE '\\') ORDER BY type, name`,
};

/** @throws OpsError in D1's words, or naming tables that cannot be copied without loss. */
export async function lookAtDatabase(connection: D1Connection, mark: string | null): Promise<DatabaseLook> {
  const schema = await readSchema(connection);
  const copied = schema.tables.filter(({ name }) => !LEFT_OUT.some((table) => table.name === name));
  const has = (name: string) => schema.tables.some((table) => table.name === name);
  const unlogged = copied.filter(({ is_logged }) => !is_logged);
  const nothing: Statement = { sql: "SELECT NULL WHERE 0" };
  const answers = await connection.batch(
    [
      DEFINITIONS,
      has(CHANGE_LOG) ? { sql: `SELECT min(seq) FROM ${CHANGE_LOG}` } : nothing,
      schema.has_sequences ? { sql: `SELECT seq FROM sqlite_sequence WHERE name = '${CHANGE_LOG}'` } : nothing,
      has(MARKS) ? { sql: `SELECT 1 FROM ${MARKS} WHERE nonce = ?1`, params: [mark ?? ""] } : nothing,
      has("d1_migrations") ? { sql: "SELECT name FROM d1_migrations ORDER BY id DESC LIMIT 1" } : nothing,
      ...unlogged.map(({ name }) => ({
        sql: `SELECT count(*) FROM (SELECT 1 FROM ${quoted(name)} LIMIT ${UNLOGGED_ROWS_MAX + 1})`,
      })),
    ],
    { repeatable: true },
  );
  const [definitions, first, head, marked, migration, ...counts] = answers;
  return {
    schema,
    tables: copied,
    left_out: LEFT_OUT.filter(({ name }) => has(name)),
    fingerprint: fingerprintOf(definitions),
    shapes: new Map(copied.map((table) => [table.name, shapeOf(table, schema)])),
    has_marks: has(MARKS),
    has_log: has(CHANGE_LOG),
    log_first: numberOrNull(first),
    log_head: numberOrNull(head) ?? 0,
    is_marked: (marked?.rows.length ?? 0) > 0,
    migration: textOrNull(migration),
    small: new Set(unlogged.filter((_, index) => Number(counts[index]?.rows[0]?.[0]) <= UNLOGGED_ROWS_MAX)),
  };
}

/** Of the answer to `DEFINITIONS`. */
export function fingerprintOf(definitions: Rows | undefined): string {
  return sha256(definitions?.rows ?? []);
}

/** Columns and key, and the triggers that log: when one of them changes, the log may have missed what was done meanwhile. */
function shapeOf(table: Table, schema: Schema): string {
  const logging = schema.triggers.filter(({ sql }) => sql.includes(CHANGE_LOG) && sql.includes(`'${table.name}'`));
  return sha256([table.sql, table.columns.map(({ name }) => name), table.key, logging.map(({ sql }) => sql).sort()]);
}

function sha256(value: unknown): string {
  return createHash("sha256").update(JSON.stringify(value)).digest("hex");
}

function firstValue(answer: Rows | undefined): JsonValue {
  return answer?.rows[0]?.[0] ?? null;
}

function numberOrNull(answer: Rows | undefined): number | null {
  const value = firstValue(answer);
  return value === null ? null : Number(value);
}

function textOrNull(answer: Rows | undefined): string | null {
  const value = firstValue(answer);
  return value === null ? null : String(value);
}
