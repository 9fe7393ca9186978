/** What a backup needs to know of a database before it copies a row. Reads a few rows only. */
import { createHash } from "node:crypto";
import { logWindow } from "../../d1/change-log.ts";
import type { D1Connection, JsonValue, Rows, Statement } from "../../d1/connection.ts";
import { CHANGE_LOG, quoted, type Schema, type Table } from "../../d1/schema.ts";
import { UNLOGGED_ROWS_MAX } from "../../limits.ts";
import type { SnapshotInventory } from "../manifest.ts";

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
  /** The mark that this look left; null for none. */
  begun: string | null;
  /** Answer to `logWindow` behind the entry that was asked for; null where none was. */
  window: Rows[] | null;
  /** The last migration recorded, null without a record. */
  migration: string | null;
  /** Tables without a log that one transaction can read whole. */
  small: ReadonlySet<Table>;
}

/** Leaves a mark: a backup's own, that nobody can guess. */
export function leaveMark(nonce: string, at_ms: number): Statement {
  return { sql: `INSERT INTO ${MARKS} (nonce, made_at_ms) VALUES (?1, ?2)`, params: [nonce, at_ms] };
}

/**
 * In one transaction. `definitions`: as `readDefinitions` gives them. `base`: which mark to look for, and behind which entry of the log to read on.
 * `leave`: the mark of a backup that begins.
 * @throws OpsError in D1's words.
 */
export async function lookAtDatabase(
  connection: D1Connection,
  { schema, fingerprint }: { schema: Schema; fingerprint: string },
  base: Pick<SnapshotInventory["database"], "mark" | "log_seq"> | null,
  leave: { nonce: string; at_ms: number } | null = null,
): Promise<DatabaseLook> {
  const copied = schema.tables.filter(({ name }) => !LEFT_OUT.some((table) => table.name === name));
  const has = (name: string) => schema.tables.some((table) => table.name === name);
  const unlogged = copied.filter(({ is_logged }) => !is_logged);
  const nothing: Statement = { sql: "SELECT NULL WHERE 0" };
  const begun = has(MARKS) ? leave : null;
  const after_seq = has(CHANGE_LOG) ? (base?.log_seq ?? null) : null;
  const window = after_seq === null ? [] : logWindow(after_seq);
  const answers = await connection.batch(
    [
      ...(begun === null ? [] : [leaveMark(begun.nonce, begun.at_ms)]),
      has(CHANGE_LOG) ? { sql: `SELECT min(seq) FROM ${CHANGE_LOG}` } : nothing,
      schema.has_sequences ? { sql: `SELECT seq FROM sqlite_sequence WHERE name = '${CHANGE_LOG}'` } : nothing,
      has(MARKS) ? { sql: `SELECT 1 FROM ${MARKS} WHERE nonce = ?1`, params: [base?.mark ?? ""] } : nothing,
      has("d1_migrations") ? { sql: "SELECT name FROM d1_migrations ORDER BY id DESC LIMIT 1" } : nothing,
      ...window,
      ...unlogged.map(({ name }) => ({
        sql: `SELECT count(*) FROM (SELECT 1 FROM ${quoted(name)} LIMIT ${UNLOGGED_ROWS_MAX + 1})`,
      })),
    ],
    { repeatable: true },
  );
  const [first, head, marked, migration, ...rest] = answers.slice(begun === null ? 0 : 1);
  const entries = rest.splice(0, window.length);
  return {
    schema,
    tables: copied,
    left_out: LEFT_OUT.filter(({ name }) => has(name)),
    fingerprint,
    shapes: new Map(copied.map((table) => [table.name, shapeOf(table, schema)])),
    has_marks: has(MARKS),
    has_log: has(CHANGE_LOG),
    log_first: numberOrNull(first),
    log_head: numberOrNull(head) ?? 0,
    is_marked: (marked?.rows.length ?? 0) > 0,
    begun: begun?.nonce ?? null,
    window: after_seq === null ? null : entries,
    migration: textOrNull(migration),
    small: new Set(unlogged.filter((_, index) => Number(rest[index]?.rows[0]?.[0]) <= UNLOGGED_ROWS_MAX)),
  };
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
