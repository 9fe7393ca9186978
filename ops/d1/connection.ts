/**
 * A D1 database as everything in ops reads and writes it, wherever it is: over the REST API, or as a SQLite file that a restore is tried in.
 */

/** A value as SQLite holds it. Integers are exact. */
export type SqlValue = null | bigint | number | string | Uint8Array;

/** A parameter or a result as D1's JSON carries it. */
export type JsonValue = null | number | string;

export interface Statement {
  sql: string;
  params?: readonly JsonValue[];
}

export interface Rows {
  columns: string[];
  rows: JsonValue[][];
  /** What D1 counts and bills. */
  rows_read: number;
  rows_written: number;
}

export interface D1Connection {
  /**
   * Runs the statements in order as one transaction: all of them or none.
   * @throws OpsError in D1's own words; transient refusals were repeated before (reads always, writes only where `repeatable` says that twice is once).
   */
  batch(statements: readonly Statement[], options?: { repeatable?: boolean }): Promise<Rows[]>;
}
