/**
 * A SQLite file as if it were D1: one batch is one transaction, and values pass through JSON as D1 passes them, with its losses:
 * integers become doubles, Infinity becomes null, -0.0 becomes 0, text that is not UTF-8 gets U+FFFD.
 *
 * So what is proven lossless against this is lossless against D1, and a restore can be tried in a scratch file.
 */
import type { DatabaseSync, SQLOutputValue } from "node:sqlite";
import { OpsError } from "../command/errors.ts";
import type { D1Connection, JsonValue, Rows, Statement } from "./connection.ts";

/** A connection over `database`, which stays the caller's to close. Foreign keys are enforced, as D1 does. */
export function sqliteD1(database: DatabaseSync): D1Connection {
  database.exec("PRAGMA foreign_keys = on");
  return {
    async batch(statements) {
      database.exec("BEGIN");
      let current = "";
      try {
        const results = statements.map((statement) => {
          current = statement.sql;
          return run(database, statement);
        });
        current = "COMMIT";
        database.exec("COMMIT");
        return results;
      } catch (error) {
        database.exec("ROLLBACK");
        throw new OpsError(
          {
            op: "run",
            subject: current.slice(0, SQL_SHOWN_CHARS),
            cause: error instanceof Error ? error.message : String(error),
            hint: "nothing of the batch was done; correct the data or the schema and repeat it",
          },
          { error },
        );
      }
    },
  };
}

const SQL_SHOWN_CHARS = 200;

function run(database: DatabaseSync, { sql, params = [] }: Statement): Rows {
  const statement = database.prepare(sql);
  statement.setReturnArrays(true);
  statement.setReadBigInts(true);
  const columns = statement.columns().map(({ name }) => name);
  const changesBefore = columns.length === 0 ? totalChanges(database) : 0;
  const found = statement.all(...params) as unknown as SQLOutputValue[][];
  return {
    columns,
    rows: found.map((row) => row.map(throughJson)),
    rows_read: found.length,
    rows_written: columns.length === 0 ? totalChanges(database) - changesBefore : 0,
  };
}

function totalChanges(database: DatabaseSync): number {
  return Number(database.prepare("SELECT total_changes() AS n").get()?.n);
}

function throughJson(value: SQLOutputValue): JsonValue {
  if (value instanceof Uint8Array) throw new Error("a BLOB in a result: D1 sends it as an array of numbers; use hex()");
  if (typeof value === "bigint") return Number(value);
  if (typeof value !== "number") return value;
  if (!Number.isFinite(value)) return null;
  return value === 0 ? 0 : value;
}
