/**
 * The full-text leg: one D1 statement that ranks by FTS5's bm25 and reads the rows of the best.
 *
 * `ORDER BY rank` with the weights in `rank MATCH` lets FTS5 sort inside the virtual table, before any row is read.
 */

import type { DocumentFormat } from "../../ground/document.ts";
import { TITLE_WEIGHT } from "../../limits.ts";
import { type IndexState, indexState, indexStateOf, indexStateStatement } from "../../store/index-state.ts";
import { declarationTerm, type Names } from "../text/identifiers.ts";
import { anyOf, type QueryTerm, quoted } from "../text/query.ts";
import { type Filter, filterToSql } from "./filter.ts";

/** One chunk as D1 holds it. `metadata` is the document's flat JSON object, still as text. */
export interface ChunkRow {
  chunk_id: number;
  document_id: string;
  title: string;
  heading: string;
  text: string;
  format: DocumentFormat;
  url: string | null;
  metadata: string;
  token_count: number;
  /** Of the whole document. */
  document_tokens: number;
}

export interface TextCandidate {
  row: ChunkRow;
  /** FTS5's bm25 turned positive: higher is better. Of the whole table, so only for choosing: never shown to a tenant. */
  score: number;
}

/** bm25 column weights: tenant_term, title, heading, text. */
const RANK = `bm25(0, ${TITLE_WEIGHT}, 1, 1)`;

const ROW_COLUMNS =
  "d.external_id AS document_id, c.title, c.heading, c.text, d.format, d.url, d.metadata, c.token_count, d.token_count AS document_tokens";

/** What the tenant's own chunks say about the query. */
export interface TenantStatistics {
  /** How many chunks the tenant has. */
  chunks: number;
  /** How many of them hold each query term, in the terms' order. */
  holding: readonly number[];
}

export const NO_STATISTICS: TenantStatistics = { chunks: 0, holding: [] };

interface Scope {
  tenant: string;
  tenant_term: string;
  filter?: Filter;
}

/** The tenant's index state and its best chunks, from one transaction: a cache may keep what is made of them. */
interface TextAnswer {
  index: IndexState;
  candidates: TextCandidate[];
  statistics: TenantStatistics;
}

/**
 * The best `limit` chunks that hold any of the terms or declare one of the names. A longer list starts with the shorter one: equal scores keep
 * the order of FTS5's own sort, which does not know the limit.
 *
 * `d.tenant` is what confines the answer. The tenant's term in MATCH only keeps FTS5 from ranking other tenants'
 * chunks, and since every one of the tenant's chunks holds it, it costs a third of the query; so it is left out while
 * there are no other tenants.
 */
export async function searchText(
  db: D1Database,
  scope: Scope,
  terms: readonly QueryTerm[],
  names: Names,
  limit: number,
): Promise<TextAnswer> {
  if (terms.length === 0)
    return { index: await indexState(db, scope.tenant), candidates: [], statistics: NO_STATISTICS };
  const filter = scope.filter === undefined ? { sql: "TRUE", params: [] } : filterToSql(scope.filter, "d");
  // CROSS JOIN pins FTS5 as the outer loop: rows come in rank order and the joins stop at LIMIT.
  const sql = `
    SELECT c.id AS chunk_id, -f.rank AS score, ${ROW_COLUMNS}
    FROM chunks_fts f CROSS JOIN chunks c ON c.id = f.rowid CROSS JOIN documents d ON d.id = c.document_id
    WHERE f.chunks_fts MATCH CASE WHEN EXISTS (SELECT 1 FROM tenants WHERE tenant <> ?1) THEN ?2 ELSE ?3 END
      AND f.rank MATCH '${RANK}' AND d.tenant = ?1 AND ${filter.sql}
    ORDER BY f.rank LIMIT ?`;
  const anyWord = [anyOf(terms), ...Array.from(names.keys(), (name) => quoted(declarationTerm(name)))].join(" OR ");
  const inTenant = `tenant_term:${quoted(scope.tenant_term)} AND (${anyWord})`;
  const [state, found, counted] = await db.batch<Record<string, unknown>>([
    indexStateStatement(db, scope.tenant),
    db.prepare(sql).bind(scope.tenant, inTenant, anyWord, ...filter.params, limit),
    countStatement(db, scope, terms),
  ]);
  const rows = (found?.results ?? []) as unknown as (ChunkRow & { score: number })[];
  const [chunks = 0, ...holding] = (counted?.results ?? []).map(({ held }) => Number(held));
  return {
    statistics: { chunks, holding },
    index: indexStateOf(state?.results[0]),
    candidates: rows.map(({ score, ...row }) => ({ row, score })),
  };
}

/** How many chunks the tenant has, then how many of them hold each term: FTS5 counts along its lists, reading no row. */
function countStatement(db: D1Database, scope: Scope, terms: readonly QueryTerm[]): D1PreparedStatement {
  const own = `tenant_term:${quoted(scope.tenant_term)}`;
  const asked = [
    { alone: own, among: own },
    ...terms.map((term) => ({ alone: anyOf([term]), among: `${own} AND (${anyOf([term])})` })),
  ];
  return db
    .prepare(
      `SELECT (SELECT count(*) FROM chunks_fts WHERE chunks_fts MATCH CASE
           WHEN EXISTS (SELECT 1 FROM tenants WHERE tenant <> ?1) THEN value ->> 'among' ELSE value ->> 'alone' END) AS held
       FROM json_each(?2) ORDER BY key`,
    )
    .bind(scope.tenant, JSON.stringify(asked));
}

/** Rows of chunks by id, only what the tenant owns and the filter lets through; ids without a row are absent. */
export async function readChunks(db: D1Database, scope: Scope, ids: readonly number[]): Promise<Map<number, ChunkRow>> {
  if (ids.length === 0) return new Map();
  const filter = scope.filter === undefined ? { sql: "TRUE", params: [] } : filterToSql(scope.filter, "d");
  const sql = `
    SELECT c.id AS chunk_id, ${ROW_COLUMNS}
    FROM json_each(?) wanted CROSS JOIN chunks c ON c.id = wanted.value CROSS JOIN documents d ON d.id = c.document_id
    WHERE d.tenant = ? AND ${filter.sql}`;
  const { results } = await db
    .prepare(sql)
    .bind(JSON.stringify(ids), scope.tenant, ...filter.params)
    .all<ChunkRow>();
  return new Map(results.map((row) => [row.chunk_id, row]));
}
