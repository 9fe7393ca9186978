/** Whether a search by words finds a chunk for what it says, as a caller would ask; right for any text. */
import type { D1Connection } from "../d1/connection.ts";
import { queryRows } from "../d1/query.ts";

/** The beginning of a text, up to the first white space after so many characters: no tokenizer's word crosses that. */
const BEGINNING = /^.{0,200}\S*/su;

/**
 * FTS5 itself cuts the text into words, as it did for the index. A text may have none ("😀", "…"): FTS5 leaves such a phrase
 * out of an implicit AND, and then the chunk is found by its tenant, as in every search.
 * https://sqlite.org/fts5.html#fts5_boolean_operators
 * @throws OpsError in D1's words.
 */
export async function isFoundByItsWords(connection: D1Connection, chunk_id: string): Promise<boolean> {
  const [row] = await queryRows(connection, "SELECT tenant_term, text FROM chunks WHERE id = ?1", [chunk_id]);
  if (row === undefined) return false;
  const [tenant_term, text] = row.map(String);
  // A query ends at a NUL, which separates words like any other control character.
  const beginning = (BEGINNING.exec(text ?? "")?.[0] ?? "").replaceAll("\0", " ");
  const found = await queryRows(
    connection,
    `SELECT rowid FROM chunks_fts
      WHERE chunks_fts MATCH ?1 AND rowid BETWEEN CAST(?2 AS INTEGER) AND CAST(?2 AS INTEGER)`,
    [`tenant_term : ${phrase(tenant_term ?? "")} text : ${phrase(beginning)}`, chunk_id],
  );
  return found.length === 1;
}

function phrase(text: string): string {
  return `"${text.replaceAll('"', '""')}"`;
}
