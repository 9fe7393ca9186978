/** What a database consists of, by its definitions alone: which are ours, and a hash by which two of them are told apart. */
import { createHash } from "node:crypto";
import type { Rows, Statement } from "./connection.ts";

/** Of a table `l`: what a query may look into. Cloudflare's own tables answer "not authorized". */
export const OURS = "NOT (l.name LIKE 'sqlite\\_%' ESCAPE '\\' OR l.name LIKE '\\_cf\\_%' ESCAPE '\\')";

/** In the order of names: a database that was restored or rebuilt has the same definitions made in another order. */
export const DEFINITIONS: Statement = {
  sql: `SELECT l.type, l.name, l.tbl_name, l.sql FROM sqlite_schema l WHERE ${OURS} ORDER BY l.type, l.name`,
};

/** SHA-256 of the answer to `DEFINITIONS`. */
export function fingerprintOf(definitions: Rows | undefined): string {
  return createHash("sha256")
    .update(JSON.stringify(definitions?.rows ?? []))
    .digest("hex");
}
