/** D1 and its full-text index: a read, a write that leaves nothing, the tables, and whether the index holds what the chunks say. */
import { counted } from "../../ground/counted.ts";
import { tenantTerm } from "../../ground/tenant-term.ts";
import { PARITY_CHUNKS_MAX } from "../../limits.ts";
import { isFenced } from "../../store/fence.ts";
import { TABLES } from "../../store/tables.ts";
import { batchOf, type Check, type Finding, HEALTHY, rowsOf } from "./check.ts";

export const database: Check = {
  name: "database",
  test: "read a row of D1",
  async run(work) {
    const found = await rowsOf(work, "SELECT next FROM sequences WHERE name = 'documents'");
    return found.length === 1 ? HEALTHY : { status: "unhealthy", detail: "the row of the document sequence is gone" };
  },
};

export const databaseWrite: Check = {
  name: "database_write",
  test: "insert a row into D1 and delete it, in one transaction",
  needs: ["database", "tables"],
  async run(work) {
    const { DB } = work.env;
    // Of what is kept for a day only, and in no backup.
    const name = `health ${work.request_id}`;
    try {
      const [, deleted] = await batchOf(
        work,
        DB.prepare("INSERT INTO idempotency VALUES ('health', ?1, '', 0, '', ?2)").bind(name, work.now_ms),
        DB.prepare("DELETE FROM idempotency WHERE key_id = 'health' AND idempotency_key = ?1 RETURNING 1").bind(name),
      );
      return deleted?.length === 1 ? HEALTHY : { status: "unhealthy", detail: "what was written was not read back" };
    } catch (error) {
      if (!isFenced(error)) throw error;
      return { status: "degraded", detail: "a store is being replaced: writes wait behind a fence" };
    }
  },
};

export const tables: Check = {
  name: "tables",
  test: "list the tables of D1",
  needs: ["database"],
  async run(work) {
    const rows = await rowsOf<{ name: string }>(work, "SELECT name FROM sqlite_schema WHERE type = 'table'");
    const found = new Set(rows.map(({ name }) => name));
    const missing = TABLES.filter((name) => !found.has(name));
    if (missing.length === 0) return HEALTHY;
    return { status: "unhealthy", detail: `missing: ${missing.join(", ")}. Run the migrations, or restore a backup` };
  },
};

/** Which ids of one table the other lacks: among the newest, and from a place that is another one each time. */
const lacking = (table: string, other: string) =>
  `SELECT count(*) AS compared, coalesce(sum(other.id IS NULL), 0) AS lacking FROM (
     SELECT id FROM (SELECT id FROM ${table} ORDER BY id DESC LIMIT ?1)
     UNION SELECT id FROM (SELECT id FROM ${table} WHERE id >= ?2 ORDER BY id LIMIT ?1)
   ) AS some LEFT JOIN ${other} AS other ON other.id = some.id`;

export const fullText: Check = {
  name: "full_text",
  test: "find the newest chunk by its words; compare chunks and full-text index both ways",
  needs: ["database"],
  async run(work) {
    const [newest] = await rowsOf<{ id: number; tenant_term: string }>(
      work,
      "SELECT id, tenant_term FROM chunks ORDER BY id DESC LIMIT 1",
    );
    const { id = 0, tenant_term = tenantTerm("health") } = newest ?? {};
    const found = await rowsOf(
      work,
      "SELECT rowid FROM chunks_fts WHERE chunks_fts MATCH ?1 AND rowid = CAST(?2 AS INTEGER)",
      `tenant_term : "${tenant_term}"`,
      id,
    );
    const { DB } = work.env;
    const from_id = Math.floor(Math.random() * id);
    const window = [PARITY_CHUNKS_MAX / 2, from_id] as const;
    const [[chunks], [words]] = (await batchOf<{ compared: number; lacking: number }>(
      work,
      // FTS5 keeps one row for each that it indexes here.
      DB.prepare(lacking("chunks", "chunks_fts_docsize")).bind(...window),
      DB.prepare(lacking("chunks_fts_docsize", "chunks")).bind(...window),
    )) as [[{ compared: number; lacking: number }], [{ compared: number; lacking: number }]];
    const facts = { chunks_compared: chunks.compared, not_indexed: chunks.lacking, orphans: words.lacking };
    return { ...judgeFullText(facts, newest === undefined || found.length === 1), facts };
  },
};

function judgeFullText(
  { not_indexed, orphans }: { not_indexed: number; orphans: number },
  newest_is_found: boolean,
): Finding {
  const remedy = "npm run ops -- index check --repair";
  if (not_indexed > 0)
    return {
      status: "unhealthy",
      detail: `the full-text index lacks ${not_indexed} of the chunks compared: ${remedy}`,
    };
  if (!newest_is_found) return { status: "unhealthy", detail: `the newest chunk is not found by its words: ${remedy}` };
  return orphans === 0
    ? HEALTHY
    : { status: "degraded", detail: `the full-text index holds ${counted(orphans, "row")} without a chunk: ${remedy}` };
}
