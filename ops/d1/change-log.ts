/**
 * What changed in a living database since a point, and the point in time where a copy of it is complete.
 *
 * The Worker's migrations keep `change_log (seq, table_name, row_key)` by triggers. A copy is: `logHead`, then all rows page by page, then
 * `readNamed` from that head again and again until little is open, then `readChanges`. An answer of that which is `complete` holds, in one
 * transaction, everything that was still open: once it is applied, the copy is a state that the database had.
 */
import { OpsError } from "../command/errors.ts";
import { D1_CELL_BYTES_MAX, D1_CELL_BYTES_MIN, D1_CHANGES_PER_READ, D1_PAGE_BYTES } from "../limits.ts";
import { arrivedRows, type Manner, selectionCount, selections } from "./cell-sql.ts";
import type { D1Connection, Rows, Statement } from "./connection.ts";
import { queryNumber } from "./query.ts";
import { completed, readTablesByKeys } from "./read-by-key.ts";
import type { Cell, Row } from "./row-codec.ts";
import { CHANGE_LOG, quoted, type Schema, type Table } from "./schema.ts";

interface Change {
  key: Cell[];
  /** What the row holds now; null when it is gone. */
  row: Row | null;
}

export interface Changes {
  /** Parents first, as `Schema.tables`; tables without a change are left out. */
  tables: { table: Table; changes: Change[] }[];
  /** Where the next reading begins. */
  through_seq: number;
  /** Nothing was open beyond this, in the same transaction. */
  complete: boolean;
}

const HEAD = `SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = '${CHANGE_LOG}'), 0), (SELECT min(seq) FROM ${CHANGE_LOG})`;

/** The last number the change log gave out; 0 before the first, or without a log. Entries may be pruned, the number stays. */
export async function logHead(connection: D1Connection, schema: Schema): Promise<number> {
  if (!hasLog(schema)) return 0;
  return await queryNumber(connection, HEAD);
}

/** How far the log reaches, and its entries after `after_seq`, as far as one round goes. */
export function logWindow(after_seq: number): Statement[] {
  const through = after_seq + D1_CHANGES_PER_READ;
  const named = `SELECT table_name, row_key FROM ${CHANGE_LOG} WHERE seq > ${after_seq} AND seq <= ${through}`;
  return [{ sql: HEAD }, { sql: named }];
}

/**
 * As `readChanges`, but not of one moment: what changes between its two requests is named again by what comes after `through_seq`. The log
 * is read once, not once for every table: D1 counts each entry that is looked at. `window`: the answer to `logWindow(after_seq)`, where that was asked before.
 * @throws OpsError as `readChanges`.
 */
export async function readNamed(
  connection: D1Connection,
  schema: Schema,
  after_seq: number,
  window?: Rows[] | null,
): Promise<Changes> {
  if (!hasLog(schema)) return { tables: [], through_seq: after_seq, complete: true };
  const through = after_seq + D1_CHANGES_PER_READ;
  const [head, entries] = window ?? (await connection.batch(logWindow(after_seq), { repeatable: true }));
  const { last, complete } = endOf(head, after_seq, through);
  const wanted = loggedKeys(schema.tables, entries);
  const rows = await readTablesByKeys(connection, wanted);
  const tables = wanted.map(({ table, keys }, at) => ({
    table,
    changes: keys.map((key, place) => ({ key, row: rows[at]?.[place] ?? null })),
  }));
  return { tables, through_seq: last, complete };
}

/** Keys that entries of the log (`table_name`, `row_key`) name, each once, of logged tables, in the order of `tables`. */
export function loggedKeys(tables: readonly Table[], entries: Rows | undefined): { table: Table; keys: Cell[][] }[] {
  const named = new Map<string, Set<string>>();
  for (const [name, key] of entries?.rows ?? []) {
    const keys = named.get(String(name)) ?? new Set();
    named.set(String(name), keys.add(String(key)));
  }
  return tables.flatMap((table) => {
    const keys = table.is_logged ? named.get(table.name) : undefined;
    return keys ? [{ table, keys: [...keys].map(loggedKey) }] : [];
  });
}

/** How far a window of the log reaches, by the answer to `HEAD`. */
function endOf(answer: Rows | undefined, after_seq: number, through: number): { last: number; complete: boolean } {
  const [head, first] = answer?.rows[0] ?? [];
  refuseGap(after_seq, Number(head), first === null ? undefined : Number(first));
  return { last: Math.min(Number(head), through), complete: Number(head) <= through };
}

/**
 * The logged rows that changed after `after_seq`, each once with what it holds now, at most `limit` entries of the log at a time.
 * @throws OpsError in D1's words, or when the log does not reach back to `after_seq`.
 */
export async function readChanges(
  connection: D1Connection,
  schema: Schema,
  after_seq: number,
  limit = D1_CHANGES_PER_READ,
): Promise<Changes> {
  const changes: Changes = { tables: [], through_seq: after_seq, complete: true };
  if (!hasLog(schema)) return changes;
  const cell_bytes = Math.floor((4 * D1_PAGE_BYTES) / limit);
  const manner = {
    cell_bytes: Math.min(Math.max(cell_bytes, D1_CELL_BYTES_MIN), D1_CELL_BYTES_MAX),
    // Nothing may be doubtful: what is read again is read in another transaction.
    text_in_hex: true,
  };
  const through = after_seq + limit;
  const logged = schema.tables.filter(({ is_logged }) => is_logged);
  const statements: Statement[] = [{ sql: HEAD }];
  for (const table of logged)
    statements.push(keysOf(table, after_seq, through), ...rowsOf(table, manner, after_seq, through));
  const answers = await connection.batch(statements, { repeatable: true });
  const { last, complete } = endOf(answers[0], after_seq, through);
  Object.assign(changes, { through_seq: last, complete });
  let next = 1;
  for (const table of logged) {
    const keys = (answers[next]?.rows ?? []).map(([key]) => loggedKey(String(key)));
    const count = selectionCount(table);
    const arrived = arrivedRows(table, manner, answers.slice(next + 1, next + 1 + count));
    next += 1 + count;
    if (keys.length === 0) continue;
    if (arrived.some(({ omitted }) => omitted.length > 0)) changes.complete = false;
    const rows = await completed(connection, table, arrived);
    changes.tables.push({ table, changes: keys.map((key, index) => ({ key, row: rows[index] ?? null })) });
  }
  return changes;
}

function hasLog({ tables }: Schema): boolean {
  return tables.some(({ name }) => name === CHANGE_LOG);
}

/** The log's numbers have no gaps (a failed transaction takes its numbers back), so a missing one was pruned. */
function refuseGap(after_seq: number, head: number, first: number | undefined): void {
  const isBeyond = after_seq > head;
  const isPruned = head > after_seq && (first === undefined || first > after_seq + 1);
  if (!isBeyond && !isPruned) return;
  throw new OpsError({
    op: "read the changes after",
    subject: `number ${after_seq} of the change log`,
    cause: isBeyond
      ? `the log ends at ${head}: this is another database, or it was set back`
      : `the log begins at ${first ?? head + 1}: what is older was pruned`,
    hint: "copy all rows again: a full backup, not an incremental one",
  });
}

function window(table: Table, after: number, through: number): string {
  const name = table.name.replaceAll("'", "''");
  return `(SELECT DISTINCT row_key FROM ${CHANGE_LOG} WHERE seq > ${after} AND seq <= ${through} AND table_name = '${name}')`;
}

function keysOf(table: Table, after: number, through: number): Statement {
  return { sql: `SELECT l.row_key FROM ${window(table, after, through)} l ORDER BY l.row_key` };
}

function rowsOf(table: Table, manner: Manner, after: number, through: number): Statement[] {
  const match = table.key.map((name, place) => `t.${quoted(name)} = (l.row_key ->> ${place})`).join(" AND ");
  const from = `FROM ${window(table, after, through)} l LEFT JOIN ${quoted(table.name)} t ON ${match}`;
  return selections(table, manner, { sql: `${from} ORDER BY l.row_key` });
}

/** `json_array` of the key's columns; integers of 64 bits are read from the digits. */
function loggedKey(json: string): Cell[] {
  const exact = (_: string, value: unknown, context?: { source?: string }) =>
    typeof value === "number" && /^-?\d+$/.test(context?.source ?? "") ? BigInt(context?.source ?? 0) : value;
  return JSON.parse(json, exact) as Cell[];
}
