/** What the database alone can say: documents beside their chunks, chunks beside the full-text index. Page by page, each in one statement. */
import { OpsError } from "../../command/errors.ts";
import type { D1Connection } from "../../d1/connection.ts";
import { FULL_TEXT_ENTRIES_PER_CHECK, INDEX_CHECK_ROWS } from "../../limits.ts";
import { faultsOfFullText } from "../../restore/compare-database.ts";
import type { Findings, Kind } from "./kinds.ts";

/** In place of a hash: of a document that nobody has proven whole, so that the next write of it is no repetition. */
export const UNPROVEN = "0".repeat(64);

const LISTED = "SELECT value FROM json_each(d.chunk_ids)";

/** `c` of a document `d` are those it lists, its own ones. */
const DOCUMENTS = `SELECT d.id, d.content_hash = '${UNPROVEN}',
    EXISTS (${LISTED} WHERE value NOT IN (SELECT id FROM chunks WHERE document_id = d.id)),
    d.token_count <> (SELECT coalesce(sum(token_count), 0) FROM chunks WHERE document_id = d.id AND id IN (${LISTED}))
  FROM documents d WHERE d.id > ?1 ORDER BY d.id LIMIT ${INDEX_CHECK_ROWS}`;

/** Returns how many documents were compared. @throws OpsError in D1's words. */
export async function checkDocuments(connection: D1Connection, findings: Findings): Promise<number> {
  let compared = 0;
  for (let after = 0; ; ) {
    const [page] = await connection.batch([{ sql: DOCUMENTS, params: [after] }]);
    const rows = page?.rows ?? [];
    for (const [id, unproven, lacks, miscounts] of rows) {
      const kinds: Kind[] = [
        ...(unproven === 1 ? (["document-awaits-source"] as const) : []),
        ...(lacks === 1 ? (["document-lacks-chunk"] as const) : []),
        // Where chunks are missing, the count is the one thing that still tells of them.
        ...(miscounts === 1 && lacks !== 1 ? (["document-token-count"] as const) : []),
      ];
      for (const kind of kinds) findings.add(kind, Number(id));
    }
    compared += rows.length;
    if (rows.length < INDEX_CHECK_ROWS) return compared;
    after = Number(rows.at(-1)?.[0]);
  }
}

/**
 * FTS5 keeps a row in `_docsize` for each that it indexes here; what the words are, only its own comparison says. @throws OpsError in
 * D1's words.
 */
export async function checkFullText(connection: D1Connection, findings: Findings): Promise<void> {
  const [there] = await connection.batch([{ sql: "SELECT 1 FROM sqlite_schema WHERE name = 'chunks_fts'" }]);
  if (there?.rows.length === 0) {
    findings.add("full-text-gone", "chunks_fts");
    return;
  }
  const before = findings.total;
  await without(connection, "chunks", "chunks_fts_docsize", (id) => findings.add("full-text-missing", id));
  await without(connection, "chunks_fts_docsize", "chunks", (id) => findings.add("full-text-orphan", id));
  // It fails for those, too, and then says nothing new.
  if (findings.total > before) return;
  const [fault] = await faultsOfFullText(connection, "chunks_fts");
  if (fault === undefined) return;
  if (!/malformed|corrupt/i.test(fault.finding))
    throw new OpsError({
      op: "check",
      subject: "the full-text index",
      cause: fault.finding,
      hint: "repeat it; where D1 ends it after 30 s, npm run ops -- index rebuild proves the index as it makes a new one",
    });
  findings.add("full-text-differs", "chunks_fts");
}

/** Ids of a table that the other one lacks. */
async function without(
  connection: D1Connection,
  table: string,
  other: string,
  tell: (id: number) => void,
): Promise<void> {
  const window = `SELECT id FROM ${table} WHERE id > ?1 ORDER BY id LIMIT ${FULL_TEXT_ENTRIES_PER_CHECK}`;
  for (let after = Number.MIN_SAFE_INTEGER; ; ) {
    const [lacking, last] = await connection.batch([
      { sql: `SELECT id FROM (${window}) WHERE id NOT IN (SELECT id FROM ${other})`, params: [after] },
      { sql: `SELECT max(id) FROM (${window})`, params: [after] },
    ]);
    for (const [id] of lacking?.rows ?? []) tell(Number(id));
    const end = last?.rows[0]?.[0] ?? null;
    if (end === null) return;
    after = Number(end);
  }
}
