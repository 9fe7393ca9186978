/** How much the change log names, by entries of it that lie evenly between its ends. */

import { loggedKeys } from "../d1/change-log.ts";
import type { D1Connection, Statement } from "../d1/connection.ts";
import { byKeys } from "../d1/read-by-key.ts";
import { CHANGE_LOG, quoted, type Table } from "../d1/schema.ts";
import { D1_CHANGES_PER_READ } from "../limits.ts";
import type { DatabaseLook } from "./snapshot/database-look.ts";

interface ChangesPlan {
  /** Entries of the log. */
  entries: number;
  /** Rows that they name, each once. */
  keys: number;
  /** Of those that are still there: text and blobs, and 8 bytes for each cell. */
  bytes: number;
}

/**
 * Entries after `after_seq` up to the head that was looked at. All are looked at where they are few, and then in the `window` that the look has
 * brought, if it has; among many, rows that are named twice count twice.
 */
export async function measureChanges(
  connection: D1Connection,
  tables: readonly Table[],
  after_seq: number,
  { log_head: head, window }: Pick<DatabaseLook, "log_head" | "window">,
): Promise<ChangesPlan> {
  const entries = Math.max(0, head - after_seq);
  if (entries === 0) return { entries, keys: 0, bytes: 0 };
  const looked = Math.min(entries, D1_CHANGES_PER_READ);
  const found = looked === entries && window ? window[1] : await evenly(connection, looked, entries, head);
  const named = loggedKeys(tables, found);
  if (named.length === 0) return { entries, keys: 0, bytes: 0 };
  const lengths = await connection.batch(named.map(lengthOf), { repeatable: true });
  const share = entries / looked;
  return {
    entries,
    keys: Math.round(share * named.reduce((sum, { keys }) => sum + keys.length, 0)),
    bytes: share * lengths.reduce((sum, { rows }) => sum + Number(rows[0]?.[0] ?? 0), 0),
  };
}

/** So many of the last `entries` of the log, up to `head`. */
async function evenly(connection: D1Connection, looked: number, entries: number, head: number) {
  const seqs = Array.from({ length: looked }, (_, at) => head - Math.floor((at * entries) / looked));
  const sql = `SELECT table_name, row_key FROM ${CHANGE_LOG} WHERE seq IN (SELECT value FROM json_each(?1))`;
  return (await connection.batch([{ sql, params: [JSON.stringify(seqs)] }], { repeatable: true }))[0];
}

function lengthOf({ table, keys }: ReturnType<typeof loggedKeys>[number]): Statement {
  const { sql, params = [] } = byKeys(table, keys);
  return { sql: `SELECT sum(${bytesOf(table)}) ${sql}`, params };
}

/** Of the row `t`, in SQL; NULL where there is none. */
export function bytesOf({ columns, key }: Table): string {
  const lengths = columns.map((column) => {
    const cell = `t.${quoted(column.name)}`;
    return `iif(typeof(${cell}) IN ('text', 'blob'), octet_length(${cell}), 0)`;
  });
  return `iif(t.${quoted(key[0] ?? "")} IS NULL, NULL, ${sumOf(lengths)} + ${8 * columns.length})`;
}

/** In halves: D1 refuses an expression that is nested 100 deep. */
function sumOf(terms: readonly string[]): string {
  if (terms.length <= 1) return terms[0] ?? "0";
  const half = Math.ceil(terms.length / 2);
  return `(${sumOf(terms.slice(0, half))} + ${sumOf(terms.slice(half))})`;
}
