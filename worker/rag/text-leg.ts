/**
 * The full-text leg: one D1 statement that ranks by FTS5's bm25 and reads the rows of the best.
 *
 * `ORDER BY rank` with the weights in `rank MATCH` lets FTS5 sort inside the virtual table, before any row is read.
 */

import { SEARCH_DEPTH_MAX, TITLE_WEIGHT } from "../limits.ts";
import { type Filter, filterToSql } from "./filter.ts";
import { matchExpression } from "./query.ts";

/** One chunk as D1 holds it. `metadata` is the document's flat JSON object, still as text. */
export interface ChunkRow {
  chunk_id: number;
  document_id: string;
  title: string;
  heading: string;
  text: string;
  ordinal: number;
  url: string | null;
  metadata: string;
  token_count: number;
}

export interface TextCandidate {
  chunk_id: number;
  /** FTS5's bm25 turned positive: higher is better, without an upper bound. */
  score: number;
  /** Read for the first `rows` candidates only; the rest is fetched when a page shows it. */
  row?: ChunkRow;
}

/** bm25 column weights: tenant_term, title, heading, text. */
const RANK = `bm25(0, ${TITLE_WEIGHT}, 1, 1)`;

const ROW_COLUMNS = `d.external_id AS document_id, c.title, c.heading, c.text, 0 AS ordinal, d.url, d.metadata, c.token_count`;

interface Scope {
  tenant: string;
  tenant_term: string;
  filter?: Filter;
}

/**
 * The best `SEARCH_DEPTH_MAX` chunks that hold any of the words, the first `rows` of them with their row. Always the
 * same depth, because equal scores come in no stated order: a shorter list is not the start of a longer one.
 */
export async function searchText(
  db: D1Database,
  scope: Scope,
  words: readonly string[],
  rows: number,
): Promise<TextCandidate[]> {
  if (words.length === 0) return [];
  const filter = scope.filter === undefined ? undefined : filterToSql(scope.filter, "d");
  // CROSS JOIN pins FTS5 as the outer loop: it hands out rows in rank order, so the filter stops at LIMIT.
  const filtered =
    filter === undefined ? "" : "CROSS JOIN chunks c ON c.id = f.rowid CROSS JOIN documents d ON d.id = c.document_id";
  const sql = `
    WITH best AS (
      SELECT f.rowid AS id, f.rank AS score FROM chunks_fts f ${filtered}
      WHERE f.chunks_fts MATCH ? AND f.rank MATCH '${RANK}' ${filter === undefined ? "" : `AND ${filter.sql}`}
      ORDER BY f.rank LIMIT ?
    ), placed AS (SELECT id, score, row_number() OVER (ORDER BY score, id) AS place FROM best)
    SELECT p.id AS chunk_id, -p.score AS score, ${ROW_COLUMNS}
    FROM placed p LEFT JOIN chunks c ON c.id = p.id AND p.place <= ? LEFT JOIN documents d ON d.id = c.document_id
    ORDER BY p.place`;
  const { results } = await db
    .prepare(sql)
    .bind(matchExpression(scope.tenant_term, words), ...(filter?.params ?? []), SEARCH_DEPTH_MAX, rows)
    .all<ChunkRow & { score: number }>();
  return results.map(({ score, ...row }) =>
    row.text === null ? { chunk_id: row.chunk_id, score } : { chunk_id: row.chunk_id, score, row },
  );
}

/** Rows of chunks by id, only what the tenant owns and the filter lets through; ids without a row are absent. */
export async function readChunks(db: D1Database, scope: Scope, ids: readonly number[]): Promise<Map<number, ChunkRow>> {
  if (ids.length === 0) return new Map();
  const filter = scope.filter === undefined ? undefined : filterToSql(scope.filter, "d");
  const sql = `
    SELECT c.id AS chunk_id, ${ROW_COLUMNS}
    FROM json_each(?) wanted CROSS JOIN chunks c ON c.id = wanted.value CROSS JOIN documents d ON d.id = c.document_id
    WHERE d.tenant = ? ${filter === undefined ? "" : `AND ${filter.sql}`}`;
  const { results } = await db
    .prepare(sql)
    .bind(JSON.stringify(ids), scope.tenant, ...(filter?.params ?? []))
    .all<ChunkRow>();
  return new Map(results.map((row) => [row.chunk_id, row]));
}
