/** What the last transaction of a backup does besides reading the last changes: it proves descent and reads what has no log. */
import { arrivedRows, selectionCount, selections } from "../../d1/cell-sql.ts";
import type { D1Connection, Rows, Statement } from "../../d1/connection.ts";
import { DEFINITIONS, fingerprintOf } from "../../d1/definitions.ts";
import type { Row } from "../../d1/row-codec.ts";
import { quoted, type Table } from "../../d1/schema.ts";
import { D1_CELL_BYTES_MIN, MARKS_KEPT, UNLOGGED_ROWS_MAX } from "../../limits.ts";
import { type DatabaseLook, leaveMark, MARKS } from "./database-look.ts";

export interface Sealed {
  fingerprint: string;
  /** The mark that was left when the backup began is still there. */
  is_descended: boolean;
  sequences: { table: string; seq: string }[];
  /** The newest entry of the audit log. */
  audit_head: { seq: number; hash: string } | null;
  /** Small tables without a log; null for one that has to be read page by page after all. */
  small: { table: Table; rows: Row[] | null }[];
}

const AUDIT_LOG = "audit_log";

/**
 * `connection` with these statements put before those of its first batch, in the same transaction. `sealed` tells what they
 * found once that batch is done.
 */
export function sealing(
  connection: D1Connection,
  look: DatabaseLook,
  end: string,
  now_ms: number,
): { connection: D1Connection; sealed(): Sealed } {
  const small = [...look.small];
  const has_audit = look.tables.some(({ name }) => name === AUDIT_LOG);
  const statements: Statement[] = [
    DEFINITIONS,
    ...(look.has_marks
      ? [
          { sql: `SELECT 1 FROM ${MARKS} WHERE nonce = ?1`, params: [look.begun] },
          leaveMark(end, now_ms),
          { sql: `DELETE FROM ${MARKS} WHERE id <= (SELECT max(id) FROM ${MARKS}) - ${MARKS_KEPT}` },
        ]
      : []),
    ...(look.schema.has_sequences
      ? [{ sql: "SELECT name, CAST(seq AS TEXT) FROM sqlite_sequence ORDER BY name" }]
      : []),
    ...(has_audit ? [{ sql: `SELECT seq, hash FROM ${AUDIT_LOG} ORDER BY seq DESC LIMIT 1` }] : []),
    ...small.flatMap(selectAll),
  ];
  let answers: Rows[] | null = null;
  return {
    connection: {
      batch: async (more, options) => {
        if (answers !== null) return connection.batch(more, options);
        const all = await connection.batch([...statements, ...more], options);
        answers = all.slice(0, statements.length);
        return all.slice(statements.length);
      },
    },
    sealed: () => {
      const rest = [...(answers ?? [])];
      const definitions = rest.shift();
      const [begun] = look.has_marks ? rest.splice(0, 3) : [];
      const sequences = look.schema.has_sequences ? rest.shift() : undefined;
      const [newest] = (has_audit ? rest.shift() : undefined)?.rows ?? [];
      return {
        fingerprint: fingerprintOf(definitions),
        is_descended: begun === undefined || begun.rows.length > 0,
        sequences: (sequences?.rows ?? []).map(([table, seq]) => ({ table: String(table), seq: String(seq) })),
        audit_head: newest === undefined ? null : { seq: Number(newest[0]), hash: String(newest[1]) },
        small: small.map((table) => ({ table, rows: rowsOf(table, rest.splice(0, selectionCount(table))) })),
      };
    },
  };
}

const MANNER = { cell_bytes: D1_CELL_BYTES_MIN, text_in_hex: true };

function selectAll(table: Table): Statement[] {
  const order = table.key.map((name) => `t.${quoted(name)}`).join(", ");
  const sql = `FROM ${quoted(table.name)} t ORDER BY ${order} LIMIT ${UNLOGGED_ROWS_MAX + 1}`;
  return selections(table, MANNER, { sql });
}

function rowsOf(table: Table, answers: readonly Rows[]): Row[] | null {
  const arrived = arrivedRows(table, MANNER, answers);
  const isWhole = arrived.length <= UNLOGGED_ROWS_MAX && arrived.every(({ omitted }) => omitted.length === 0);
  return isWhole ? arrived.map(({ cells }) => cells) : null;
}
